/**
 * What happened in an observed migration: how fast the guest wrote against what the link carried,
 * pass by pass; why the passes ended or did not; what the downtime was made of; what to look at
 * next; and what the log does not tell.
 */
import { PrecopyError } from "../base/errors.js";
import { DEFAULT_DOWNTIME_LIMIT_NS } from "../policy/hold-back.js";
import type { Preset } from "../policy/preset.js";
import { PRESETS } from "../policy/presets/index.js";
import { explainDowntime } from "./explain-downtime.js";
import { type EndExplanation, explainEnd } from "./explain-end.js";
import { whatNext } from "./explain-next.js";
import type { ObservedMigration, ObservedPass, Said } from "./logs/observed-migration.js";

export interface ExplainOptions {
  /** Name of the preset whose rules to judge by; the importer's guess by default. */
  readonly preset?: string;
}

export interface PassExplanation extends ObservedPass {
  /** Distinct pages written, as bytes a second. */
  readonly dirtyBytesPerSec?: number;
  /** Of the dirty rate to the bandwidth: below 1 the next pass is smaller. */
  readonly ratio?: number;
}

/** `borderline`: within a tenth of balance, where small changes of the guest decide. */
export type Convergence = "converging" | "borderline" | "diverging" | "unknown";

export interface Explanation {
  readonly observed: ObservedMigration;
  readonly preset: Preset;
  readonly downtimeLimitNs: number;
  /** Absent: the hypervisor's default was taken, or the user's. */
  readonly downtimeLimitSaid?: Said<number>;
  readonly passes: readonly PassExplanation[];
  readonly convergence: Convergence;
  /** The ratio it was judged by: the median of the last passes, or the hypervisor's own figures. */
  readonly ratio?: number;
  /** What the link carried over all live passes; else the median of the hypervisor's own figures. */
  readonly bandwidthBytesPerSec?: number;
  readonly end: EndExplanation;
  readonly downtime: readonly string[];
  readonly next: readonly string[];
  readonly unknown: readonly string[];
}

/** The last passes tell how it goes on; the first ones stand for longer windows. */
const PASSES_JUDGED = 5;
/** Ours: the noise of bandwidth and dirty rate from pass to pass is of this size. */
const BALANCE = 0.1;

/** @throws PrecopyError for a preset that is not known. */
export function explain(observed: ObservedMigration, options: ExplainOptions = {}): Explanation {
  const preset = presetNamed(options.preset ?? observed.preset);
  const passes = observed.passes.map((pass) => ratioOf(pass, observed.pageBytes));
  const live = passes.filter(({ phase }) => phase === "live");
  const lastRatios = live.flatMap(({ ratio }) => ratio ?? []).slice(-PASSES_JUDGED);
  const ratio = median(lastRatios) ?? toldRatio(observed);
  const bandwidth =
    carried(live, observed.pageBytes) ??
    median(observed.samples.flatMap(({ bandwidthBytesPerSec }) => bandwidthBytesPerSec ?? []));
  const said = observed.settings.downtimeLimitNs;
  const known = {
    observed,
    preset,
    passes,
    downtimeLimitNs: said?.value ?? DEFAULT_DOWNTIME_LIMIT_NS,
    ...(said !== undefined && { downtimeLimitSaid: said }),
    convergence: judge(ratio),
    ...(ratio !== undefined && { ratio }),
    ...(bandwidth !== undefined && { bandwidthBytesPerSec: bandwidth }),
  };
  const end = explainEnd(known);
  return {
    ...known,
    end,
    downtime: explainDowntime(known),
    next: whatNext(known, end),
    unknown: unknowns(observed, preset),
  };
}

/** An explanation before its words. */
export type Known = Omit<Explanation, "end" | "downtime" | "next" | "unknown">;

function presetNamed(name: string): Preset {
  const found = PRESETS.find((preset) => preset.name === name);
  if (found !== undefined) return found;
  const names = PRESETS.map((preset) => preset.name).join(", ");
  throw new PrecopyError("unknown-name", `there is no preset "${name}": choose from ${names}`);
}

function ratioOf(pass: ObservedPass, pageBytes: number): PassExplanation {
  const { dirtiedPages, durationNs, bandwidthBytesPerSec } = pass;
  if (dirtiedPages === undefined || durationNs === undefined || durationNs <= 0) return pass;
  const dirtyBytesPerSec = (dirtiedPages * pageBytes * 1e9) / durationNs;
  if (bandwidthBytesPerSec === undefined) return { ...pass, dirtyBytesPerSec };
  return { ...pass, dirtyBytesPerSec, ratio: dirtyBytesPerSec / bandwidthBytesPerSec };
}

/** All that was sent in live passes over the time it took: short passes are too noisy for a mean. */
function carried(live: readonly ObservedPass[], pageBytes: number): number | undefined {
  let [bytes, ns] = [0, 0];
  for (const { sentBytes, sentPages = 0, sendingNs, durationNs, bandwidthBytesPerSec } of live) {
    const took = sendingNs ?? durationNs ?? 0;
    // Without a bandwidth its pages are holes, or its length is not known.
    if (bandwidthBytesPerSec === undefined || took <= 0) continue;
    bytes += sentBytes ?? sentPages * pageBytes;
    ns += took;
  }
  return ns > 0 ? (bytes * 1e9) / ns : undefined;
}

/** From the hypervisor's own rates, where the passes are not known. */
function toldRatio({ samples, pageBytes }: ObservedMigration): number | undefined {
  const ratios = samples.flatMap(({ dirtyPagesPerSec, bandwidthBytesPerSec }) =>
    dirtyPagesPerSec === undefined || bandwidthBytesPerSec === undefined
      ? []
      : (dirtyPagesPerSec * pageBytes) / bandwidthBytesPerSec,
  );
  return median(ratios.slice(-PASSES_JUDGED));
}

function judge(ratio: number | undefined): Convergence {
  if (ratio === undefined) return "unknown";
  if (ratio < 1 - BALANCE) return "converging";
  return ratio <= 1 + BALANCE ? "borderline" : "diverging";
}

function unknowns(observed: ObservedMigration, preset: Preset): string[] {
  const { settings, passes, downtime, memoryBytes, outcome } = observed;
  const words = [...observed.notes];
  const goesByLimit = preset.loop === "slots" || preset.name === "cloud-hypervisor";
  if (goesByLimit && settings.downtimeLimitNs === undefined) {
    words.push("the downtime limit is not in the log: the default of 300 ms is taken");
  }
  if (passes.length === 0) words.push("no pass can be told from this log");
  else if (passes.some((pass, at) => at > 0 && pass.number > (passes[at - 1]?.through ?? 0) + 1)) {
    words.push("passes are missing from the log");
  }
  if (memoryBytes === undefined) words.push("the size of the guest's memory is not in the log");
  if (outcome.value === "completed" && downtime.realNs === undefined) {
    words.push("how long the guest stood still is not in the log");
  }
  return words;
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}
