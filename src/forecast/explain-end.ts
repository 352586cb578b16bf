/**
 * Why a migration's passes ended, or did not: the rule of the hypervisor's loop, asked again with
 * the figures of the log, or the manager's word above it.
 */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { Preset } from "../policy/preset.js";
import type { Decision, RoundStats } from "../policy/stop-rule.js";
import type { Known, PassExplanation } from "./explain.js";

export interface EndExplanation {
  /** Name of the rule, as in reports of simulations; absent where none ended it, or none is known. */
  readonly rule?: string;
  readonly words: string;
  /** Where the rule stands. */
  readonly source?: string;
  /** The rule, asked with the log's figures, ends it after the same pass. */
  readonly agrees?: boolean;
}

export function explainEnd(known: Known): EndExplanation {
  const { observed, preset, passes } = known;
  if (passes.some(({ phase }) => phase === "post-copy")) return postCopy(known);
  if (observed.outcome.value === "cancelled" || observed.outcome.value === "failed") {
    return broken(known);
  }
  return preset.loop === "slots" ? slotsEnd(known) : roundsEnd(known);
}

function postCopy({ passes, observed }: Known): EndExplanation {
  const live = passes.filter(({ phase }) => phase === "live");
  const requests = observed.totals.postCopyRequests?.value;
  const asked = requests === undefined ? "" : `; the target asked for ${requests} pages itself`;
  return {
    rule: "post-copy",
    words: `it was switched to post-copy after ${live.length} passes over the memory${asked}`,
    source: "QEMU migration/migration.c, postcopy_start",
  };
}

/** Managers' limits; docs and code of each as in policy/managers/. */
const MANAGER_RULES: readonly (readonly [RegExp, string, string, string])[] = [
  [
    /migration stuck/,
    "progress-timeout",
    "KubeVirt gave up: what remains had not shrunk for progressTimeout (150 s by default)",
    "kubevirt pkg/virt-launcher/virtwrap/live-migration-source.go, isMigrationProgressing",
  ],
  [
    /migration is not completed after/,
    "completion-timeout",
    "KubeVirt gave up: completionTimeoutPerGiB (150 s by default) times the memory had passed",
    "kubevirt pkg/virt-launcher/virtwrap/live-migration-source.go, shouldTriggerTimeout",
  ],
  [/interrupted by signal/, "cancelled", "somebody stopped the task", "PVE/QemuMigrate.pm"],
  [
    /enable logdirty/,
    "log-dirty",
    "the hypervisor cannot log dirty pages for this guest, so there is no live migration of it",
    "Xen tools/libs/guest/xg_sr_save.c, enable_logdirty",
  ],
];

function broken(known: Known): EndExplanation {
  const { observed, convergence, ratio } = known;
  const reason = observed.stopReason?.value ?? "";
  const cause = balance(convergence, ratio);
  const rule = MANAGER_RULES.find(([pattern]) => pattern.test(reason));
  if (rule !== undefined) {
    const [, name, words, source] = rule;
    return { rule: name, words: `${words}${cause}`, source };
  }
  const said = reason === "" ? "the log does not say why" : `the log says "${reason}"`;
  return { words: `it was ${observed.outcome.value}; ${said}${cause}` };
}

function balance(convergence: Known["convergence"], ratio: number | undefined): string {
  if (ratio === undefined) return "";
  const times = `${ratio.toFixed(2)} times as fast as the link carried`;
  if (convergence === "converging") return `, although the guest wrote only ${times}`;
  return `; the guest wrote ${times}, so passes did not get smaller`;
}

/** QEMU: less is left, with the log read, than the bandwidth carries in the limit. */
function slotsEnd(known: Known): EndExplanation {
  const { observed, preset, passes, bandwidthBytesPerSec, downtimeLimitNs } = known;
  const { source } = preset;
  const limit = formatDuration(downtimeLimitNs);
  const holds = (bandwidthBytesPerSec ?? 0) * (downtimeLimitNs / 1e9);
  const at =
    bandwidthBytesPerSec === undefined
      ? `in the limit of ${limit}`
      : `in the limit of ${limit}, ${formatBytes(Math.round(holds))} at ${formatRate(bandwidthBytesPerSec)}`;
  if (observed.outcome.value === "completed") {
    const left = observed.totals.pauseBytes?.value;
    const sent = left === undefined ? "" : `; the pause sent ${formatBytes(left)}`;
    const words = `with the log read, less was left than the link carries ${at}${sent}`;
    const agrees = left === undefined || holds === 0 ? {} : { agrees: left <= holds * 1.1 };
    return { rule: "threshold", words, source, ...agrees };
  }
  const least = Math.min(...afterReadings(passes));
  if (!Number.isFinite(least)) {
    return {
      words: `it still runs; it ends when less is left than the link carries ${at}`,
      source,
    };
  }
  const words =
    `it still runs: it ends when less is left after a reading of the log than the link carries ` +
    `${at}; the least so far was ${formatBytes(least)}`;
  return { words, source };
}

/** What was owed after each reading of the log but the first, bytes. */
export function afterReadings(passes: readonly PassExplanation[]): number[] {
  return passes
    .filter(({ number, phase }) => number > 1 && phase === "live")
    .flatMap(({ owedBytes }) => owedBytes ?? []);
}

/** Xen, cloud-hypervisor: the rule is asked before and after every round, as its loop does. */
function roundsEnd(known: Known): EndExplanation {
  const { observed, preset, passes } = known;
  const { source } = preset;
  const live = passes.filter(({ phase }) => phase === "live");
  const paused = passes.some(({ phase }) => phase === "pause");
  const fired = ask(known, live);
  const isOver = observed.outcome.value === "completed" || paused;
  if (fired === undefined) {
    const words = isOver
      ? live.length === 0
        ? "the log does not show the passes, so which rule ended them is not known"
        : `no rule of ${preset.name} ends it after ${live.length} passes: another version, or a policy of its own`
      : `it still runs: no rule of ${preset.name} has ended it after ${live.length} passes`;
    return { words, source, ...(isOver && live.length > 0 && { agrees: false }) };
  }
  const { decision, lastRound } = fired;
  const rule = decision.action === "continue" ? "" : decision.reason;
  const actual = live.at(-1)?.number ?? 0;
  const agrees = lastRound === actual;
  const what = RULE_WORDS[rule] ?? rule;
  const words = agrees
    ? `${what}, after ${actual} passes`
    : `${preset.name} would have ended it after pass ${lastRound} (${what}), the log has ${actual}: ` +
      "another version, or a policy of its own";
  return { rule, words, source, agrees };
}

const RULE_WORDS: Readonly<Record<string, string>> = {
  "dirty-count": "few enough pages were left",
  "max-iterations": "the limit of passes was reached, however much was left",
  "max-factor": "several times the memory had been sent",
  "downtime-limit": "what was left fits the downtime limit at the bandwidth of the pass before",
  timeout: "the time limit was reached",
};

interface Fired {
  readonly decision: Decision;
  /** Number of the last pass that is sent live. */
  readonly lastRound: number;
}

/** The first answer of the rule that is not "go on". */
function ask(known: Known, live: readonly PassExplanation[]): Fired | undefined {
  const { preset, observed, downtimeLimitNs } = known;
  const rule = preset.createStopRule();
  const memoryBytes = observed.memoryBytes?.value ?? 0;
  const memoryPages =
    Math.round(memoryBytes / observed.pageBytes) ||
    (live[0]?.sentPages ?? 1) + (live[0]?.skippedPages ?? 0);
  let totalWritten = 0;
  let pagesSentBefore = 0;
  for (const pass of live) {
    const pagesSent = pass.sentPages ?? 0;
    totalWritten += pagesSent;
    const dirtyCount = pass.dirtiedPages ?? -1;
    const stats: RoundStats = {
      iteration: pass.number,
      totalWritten,
      dirtyCount: -1,
      dirtyBytes: -1,
      elapsedNs: (pass.startNs ?? 0) + (pass.durationNs ?? 0),
      bandwidthBytesPerSec: pass.bandwidthBytesPerSec ?? 0,
      downtimeLimitNs,
      fixedDowntimeNs: 0,
      memoryPages,
      pagesSent,
      pagesSkipped: pass.skippedPages ?? 0,
      pagesSentBefore,
      // No log tells the state of Clark's rate control; Xen 4 has none.
      rateAtMaximum: false,
      rateExceeded: false,
    };
    pagesSentBefore = pagesSent;
    const after = rule.afterRound(stats);
    if (after.action !== "continue") return { decision: after, lastRound: pass.number };
    if (dirtyCount < 0) continue;
    const dirtyBytes = dirtyCount * observed.pageBytes;
    const before = rule.beforeRound({ ...stats, dirtyCount, dirtyBytes });
    if (before.action === "continue") continue;
    return { decision: before, lastRound: pass.number + lastSet(preset) };
  }
  return undefined;
}

/** Some loops send the set that made the rule stop while the guest still runs. */
const lastSet = ({ sendsLastSetLive }: Preset) => (sendsLastSetLive ? 1 : 0);
