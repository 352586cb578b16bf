/**
 * Passes from looks at the counters of QEMU (`query-migrate`, libvirt, KubeVirt). A pass ends when
 * the dirty log is read (dirty-sync-count, iteration), which is long before all is sent. Pages
 * written in it: what is left jumps up at the reading by what was dirtied less what was sent
 * between the two looks, so dirtied = (left after - left before) / page + pages sent between.
 */
import type { LogSource } from "./log-source.js";
import type { Draft, ObservedPass, ObservedSample } from "./observed-migration.js";

/** Appends to `draft.passes`; a look whose counters go back is a bad line, and ends the reading. */
export function addSampledPasses(draft: Draft, source: LogSource): void {
  const samples = oneMigration(draft.samples, source);
  draft.samples = samples;
  const groups = groupsOf(samples.filter(({ passes }) => passes !== undefined));
  for (const [at, group] of groups.entries()) {
    const next = groups[at + 1];
    // One look at a pass that began before it tells nothing of that pass.
    const isLone = next === undefined && group.length === 1 && group[0]?.passes !== 1;
    if (!isLone) draft.passes.push(passOf(group, next?.[0], draft));
  }
  const first = groups.at(-1)?.[0];
  if (first !== undefined) addPause(draft, first);
}

/** The looks up to the first at which counters go back. */
function oneMigration(samples: readonly ObservedSample[], source: LogSource): ObservedSample[] {
  const kept: ObservedSample[] = [];
  for (const sample of samples) {
    const before = kept.at(-1);
    if (before !== undefined && goesBack(before, sample)) {
      const problem = "the counters go back, so another migration begins: give one log for each";
      source.bad(sample.line, problem);
      break;
    }
    kept.push(sample);
  }
  return kept;
}

function goesBack(before: ObservedSample, sample: ObservedSample): boolean {
  const fell = (key: "elapsedNs" | "passes" | "transferredBytes") =>
    (sample[key] ?? Number.POSITIVE_INFINITY) < (before[key] ?? 0);
  return fell("elapsedNs") || fell("passes") || fell("transferredBytes");
}

const isPostCopy = ({ status }: ObservedSample) => status.startsWith("postcopy");
const isOver = ({ status }: ObservedSample) =>
  ["completed", "cancelled", "cancelling", "failed"].includes(status);

/** Looks of one pass together; what lies after the switch is one group. */
function groupsOf(samples: readonly ObservedSample[]): ObservedSample[][] {
  const groups: ObservedSample[][] = [];
  for (const sample of samples) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (isOver(sample)) continue;
    const same =
      last !== undefined &&
      isPostCopy(last) === isPostCopy(sample) &&
      (isPostCopy(sample) || last.passes === sample.passes);
    if (same) group?.push(sample);
    else groups.push([sample]);
  }
  return groups;
}

/** `next` is the first look after the pass. */
function passOf(
  group: readonly ObservedSample[],
  next: ObservedSample | undefined,
  { pageBytes }: Draft,
): ObservedPass {
  const first = group[0] as ObservedSample;
  const last = group.at(-1) as ObservedSample;
  const number = first.passes as number;
  // The first pass begins with the migration, not with the first look.
  const begin = number === 1 ? { elapsedNs: 0, transferredBytes: 0, sentPages: 0 } : first;
  const end = next ?? last;
  const sentBytes = difference(end.transferredBytes, begin.transferredBytes);
  const durationNs = difference(end.elapsedNs, begin.elapsedNs);
  const sentPages = difference(end.sentPages, begin.sentPages);
  const postCopy = isPostCopy(first);
  const dirtied =
    next === undefined || postCopy || isPostCopy(next)
      ? undefined
      : dirtiedAt(last, next, pageBytes);
  const throttle = Math.max(...group.map(({ throttlePercent = 0 }) => throttlePercent));
  return {
    number,
    through: postCopy ? number : Math.max(number, (next?.passes ?? number + 1) - 1),
    phase: postCopy ? "post-copy" : "live",
    lines: [first.line, end.line],
    ...(begin.elapsedNs !== undefined && { startNs: begin.elapsedNs }),
    ...(durationNs !== undefined && { durationNs }),
    ...(sentPages !== undefined && { sentPages }),
    ...(sentBytes !== undefined && { sentBytes }),
    ...(dirtied !== undefined && { dirtiedPages: dirtied }),
    ...bandwidth(sentBytes, durationNs),
    ...(first.remainingBytes !== undefined && { owedBytes: first.remainingBytes }),
    ...(last.remainingBytes !== undefined && { leftBytes: last.remainingBytes }),
    ...(throttle > 0 && { throttlePercent: throttle }),
  };
}

function dirtiedAt(
  before: ObservedSample,
  after: ObservedSample,
  pageBytes: number,
): number | undefined {
  const left = difference(after.remainingBytes, before.remainingBytes, -Number.MAX_SAFE_INTEGER);
  const sent =
    difference(after.sentPages, before.sentPages) ??
    bytesToPages(difference(after.transferredBytes, before.transferredBytes), pageBytes);
  if (left === undefined || sent === undefined) return undefined;
  return Math.max(0, Math.round(left / pageBytes + sent));
}

/**
 * The pause of a completed pre-copy: what it sent and how long it took, as reported at the end,
 * which also tells where the last live pass ended. `first` is the first look at that pass.
 */
function addPause(draft: Draft, first: ObservedSample): void {
  const { passes, totals, downtime, outcome, samples } = draft;
  const live = passes.at(-1);
  if (live === undefined || live.phase !== "live" || outcome.value !== "completed") return;
  const { value: downNs = undefined, line = outcome.line } = downtime.realNs ?? {};
  const end = samples.at(-1) as ObservedSample;
  const endNs = totals.totalNs?.value ?? end.elapsedNs;
  const pauseBytes = totals.pauseBytes?.value;
  const stopNs = difference(endNs, downNs);
  const stopBytes = difference(end.transferredBytes, pauseBytes);
  const beganBytes = live.number === 1 ? 0 : first.transferredBytes;
  const sentBytes = difference(stopBytes, beganBytes);
  const durationNs = difference(stopNs, live.startNs);
  if (durationNs !== undefined && sentBytes !== undefined) {
    const { sentPages: _, ...known } = live;
    passes[passes.length - 1] = {
      ...known,
      durationNs,
      sentBytes,
      ...bandwidth(sentBytes, durationNs),
    };
  }
  passes.push({
    number: live.number + 1,
    through: Math.max(live.number + 1, totals.passes?.value ?? 0),
    phase: "pause",
    lines: [line, line],
    ...(stopNs !== undefined && { startNs: stopNs }),
    ...(downNs !== undefined && { durationNs: downNs }),
    ...(pauseBytes !== undefined && { sentBytes: pauseBytes }),
    ...bandwidth(pauseBytes, downNs),
  });
}

function bandwidth(bytes: number | undefined, ns: number | undefined) {
  if (bytes === undefined || ns === undefined || ns <= 0) return {};
  return { bandwidthBytesPerSec: (bytes * 1e9) / ns };
}

function bytesToPages(bytes: number | undefined, pageBytes: number): number | undefined {
  return bytes === undefined ? undefined : bytes / pageBytes;
}

function difference(
  to: number | undefined,
  from: number | undefined,
  least = 0,
): number | undefined {
  if (to === undefined || from === undefined || to - from < least) return undefined;
  return to - from;
}
