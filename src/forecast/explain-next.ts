/** What to look at next: the nearest lever first, with the figure that it has to reach. */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { Known } from "./explain.js";
import { afterReadings, type EndExplanation } from "./explain-end.js";

export function whatNext(known: Known, end: EndExplanation): string[] {
  const { observed, preset, convergence } = known;
  const words: string[] = [];
  const isOver = observed.outcome.value === "completed";
  if (isOver) words.push(...afterSuccess(known, end));
  else if (convergence === "converging") words.push(MORE_TIME);
  else if (convergence !== "unknown") words.push(...levers(known));
  if (observed.passes.length === 0) words.push(LOG_BETTER[observed.format] ?? "");
  if (preset.loop === "slots" && observed.settings.downtimeLimitNs === undefined) {
    words.push("ask for the settings too (query-migrate-parameters, virsh migrate-getmaxdowntime)");
  }
  return words.filter((word) => word !== "");
}

const MORE_TIME =
  "passes were getting smaller: it needed more time, so look at what ended it rather than at the guest";

/** How to get a log that tells the passes. */
const LOG_BETTER: Readonly<Record<string, string>> = {
  qmp: "ask query-migrate a few times a second while it runs: one answer does not tell the passes",
  domjobinfo: "repeat virsh domjobinfo while it runs: one answer does not tell the passes",
  kubevirt: "raise virt-launcher's log verbosity to 2 or more for a line every two seconds",
  proxmox: "ask QEMU itself for the passes: echo info migrate | qm monitor VMID, while it runs",
  xl: "let libxl show its progress output to see the passes",
  "cloud-hypervisor": "start cloud-hypervisor with -v -v for its Precopy lines",
};

function afterSuccess(known: Known, { rule }: EndExplanation): string[] {
  const { observed, passes, bandwidthBytesPerSec: bandwidth, convergence } = known;
  const words: string[] = [];
  const pause = passes.find(({ phase }) => phase === "pause");
  if (rule === "max-iterations" && pause?.sentPages !== undefined) {
    const bytes = pause.sentPages * observed.pageBytes;
    const took = pause.durationNs === undefined ? "" : ` (${formatDuration(pause.durationNs)})`;
    words.push(
      `${formatBytes(bytes)} were left for the pause${took}: this loop has no goal for the ` +
        "downtime, so only a faster link or a quieter guest shortens it",
    );
  }
  if (convergence === "borderline" || convergence === "diverging") {
    words.push("it ended although passes hardly shrank: another try may well not end");
  }
  const setting = observed.settings.bandwidthBytesPerSec?.value;
  if (bandwidth !== undefined && setting !== undefined && bandwidth < setting / 2) {
    words.push(
      `the passes ran at ${formatRate(bandwidth)}, far below the limit of ${formatRate(setting)}: ` +
        "the network, encryption or one CPU is what bounds them",
    );
  }
  return words;
}

function levers(known: Known): string[] {
  const { observed, preset, passes, bandwidthBytesPerSec: bandwidth, downtimeLimitNs } = known;
  const words: string[] = [];
  const least = Math.min(...afterReadings(passes));
  if (bandwidth !== undefined && Number.isFinite(least)) {
    const neededNs = Math.ceil(((least / bandwidth) * 1e9) / 1e6) * 1e6;
    words.push(
      `a downtime limit of ${formatDuration(neededNs)} (now ${formatDuration(downtimeLimitNs)}) ` +
        `would have held what was left at the best moment, ${formatBytes(least)}; with a larger ` +
        "limit the log is read earlier and more is left then, so replay it",
    );
  }
  const last = passes
    .filter(({ number, through }) => number === through)
    .filter(({ dirtyBytesPerSec }) => dirtyBytesPerSec !== undefined)
    .at(-1);
  const told = observed.samples.at(-1)?.dirtyPagesPerSec;
  const dirty =
    last?.dirtyBytesPerSec ?? (told === undefined ? undefined : told * observed.pageBytes);
  if (dirty !== undefined) {
    const window =
      last?.durationNs === undefined ? "" : ` in passes of ${formatDuration(last.durationNs)}`;
    words.push(
      `a bandwidth well above ${formatRate(dirty)}, which the guest dirties${window}; in shorter ` +
        "passes it dirties faster still",
    );
  }
  const has = (name: string) => observed.settings.techniques.some(({ value }) => value === name);
  if (preset.loop === "slots") {
    if (!has("auto-converge")) words.push("auto-converge, which slows the guest until it fits");
    if (!has("postcopy-ram")) words.push("post-copy, which ends whatever the guest writes");
  } else {
    words.push(`${preset.name} has no throttle: a quieter moment of the guest, or a faster link`);
  }
  return words;
}
