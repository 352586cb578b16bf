/**
 * Forecasts a pre-copy by QEMU before it starts, from what an operator has: size of memory, dirty
 * rates over one window or several, the link, and the settings. Every figure is a range, because
 * the curve beyond its windows, the link under load and the phase of the windows are not known: the
 * same forecast is made under a fixed set of such circumstances.
 */
import { PrecopyError } from "../base/errors.js";
import { type DirtyPoint, plateauSec } from "../fluid/index.js";
import type { Preset } from "../policy/preset.js";
import { qemu72 } from "../policy/presets/qemu72.js";
import { circumstances, NOMINAL_SPREAD, USUAL } from "./circumstances.js";
import { ClassMemory, type PageClass } from "./class-memory.js";
import { curveOfClasses, fitCurve, type RateClass } from "./curve-fit.js";
import { type LoopCosts, QEMU72_COSTS } from "./loop-costs.js";
import { type SlotEnd, SlotMachine, type SlotOutcome } from "./slot-machine.js";
import { AUTO_CONVERGE, cpuBoundPace, ThrottleModel } from "./throttle-model.js";
import { type Range, rangeOf } from "./validation.js";

export interface ForecastInput {
  /** Pages of 4 KiB. */
  readonly pages: number;
  /** Share that holds zeros. Default 0. */
  readonly zeroShare?: number;
  /** Distinct pages written in windows, ascending; one window is enough, several narrow the range. */
  readonly dirtied: readonly DirtyPoint[];
  readonly linkBytesPerSec: number;
  /** QEMU's max-bandwidth; default 128 MiB/s. Below the link's rate it is what limits. */
  readonly maxBandwidthBytesPerSec?: number;
  readonly downtimeLimitMs: number;
  readonly autoConverge?: boolean;
  /** `migrate-start-postcopy` after so many readings of the log. */
  readonly postCopyAfterSyncs?: number;
  /** The manager gives up after so long. Default one hour. */
  readonly timeoutMs?: number;
  /** With parameter "max-bandwidth" and slots: `qemu72` (default), `qemu102`. */
  readonly preset?: Preset;
  readonly costs?: LoopCosts;
}

export interface Forecast {
  readonly converges: "yes" | "no" | "borderline";
  /**
   * Where dirtying balances the link: passes settle at this length and these pages; undefined where
   * they shrink until they fit.
   */
  readonly plateau: { readonly passSec: number; readonly pages: number } | undefined;
  readonly totalMs: Range;
  readonly downtimeMs: Range;
  readonly bytes: Range;
  readonly syncs: Range;
  /** What ends it under usual circumstances. */
  readonly rule: SlotEnd;
  /** The throttle that auto-converge reaches under usual circumstances, per cent. */
  readonly throttlePercent: number;
  readonly curve: readonly RateClass[];
}

const TIMEOUT_MS = 3_600_000;
const CIRCUMSTANCES = 12;
const PAGES_MAX = 2 ** 34;
const MAX_BANDWIDTH = 134_217_728;
const PAGE_WIRE_BYTES = 4104;
/** Tails of the curve beyond its longest window, in turn; the first is the usual one. */
const TAILS = [0.3, 3, 0.05];
/** Slices of memory over which the classes are spread. */
const SLICES = 64;

/** @throws PrecopyError for figures that no migration can have. */
export function forecast(input: ForecastInput): Forecast {
  check(input);
  const { pages, zeroShare = 0, dirtied } = input;
  const pagesMax = Math.floor(pages * (1 - zeroShare));
  const curves = TAILS.map((slowestWrites) => fitCurve(dirtied, { pagesMax, slowestWrites }));
  const usual = curves[0] as RateClass[];
  const point = run(input, usual, USUAL);
  const outcomes = [point];
  for (const [i, one] of circumstances(CIRCUMSTANCES, NOMINAL_SPREAD).entries()) {
    outcomes.push(run(input, curves[i % curves.length] as RateClass[], one));
  }
  const ended = outcomes.filter(({ end }) => end !== "timeout");
  const never = outcomes.length - ended.length;
  const range = (of: (one: SlotOutcome) => number) =>
    rangeOf(outcomes.map((one) => (one.end === "timeout" ? Number.POSITIVE_INFINITY : of(one))));
  return {
    converges: never === 0 ? "yes" : ended.length === 0 ? "no" : "borderline",
    plateau: plateauOf(input, usual),
    totalMs: range(({ totalMs }) => totalMs),
    downtimeMs: range(({ blackoutMs }) => blackoutMs),
    bytes: range(({ bytes }) => bytes),
    syncs: range(({ syncs }) => syncs),
    rule: point.end,
    throttlePercent: point.throttlePercent,
    curve: usual,
  };
}

function run(input: ForecastInput, curve: readonly RateClass[], how: typeof USUAL): SlotOutcome {
  const { preset = qemu72, costs = QEMU72_COSTS, postCopyAfterSyncs } = input;
  const maxBandwidth = input.maxBandwidthBytesPerSec ?? MAX_BANDWIDTH;
  const slots = preset.configure?.({ ...defaultsOf(preset), "max-bandwidth": maxBandwidth }).slots;
  if (slots === undefined) {
    throw new PrecopyError("unsupported", `no forecast for ${preset.name}: its loop has no slots`);
  }
  const untouched = costs.untouchedPageUs * how.zeroCost;
  return new SlotMachine({
    memory: new ClassMemory({ classes: spread(input, curve), wroteBeforeSec: 0 }),
    loop: slots,
    costs: { ...costs, setupMs: costs.setupMs + how.laterMs, untouchedPageUs: untouched },
    linkBytesPerSec: input.linkBytesPerSec * how.linkShare,
    downtimeLimitMs: input.downtimeLimitMs,
    timeoutMs: input.timeoutMs ?? TIMEOUT_MS,
    guestSec: 0,
    ...(input.autoConverge && { throttle: new ThrottleModel(AUTO_CONVERGE, cpuBoundPace) }),
    ...(postCopyAfterSyncs !== undefined && {
      postCopy: { syncs: postCopyAfterSyncs, afterMs: Number.POSITIVE_INFINITY },
    }),
  }).run();
}

function defaultsOf({ params = {} }: Preset): Record<string, number | string | boolean> {
  return Object.fromEntries(
    Object.entries(params).map(([name, { default: value }]) => [name, value]),
  );
}

/** Where pages of a class lie is not known: some of each in every slice of memory. */
function spread({ pages, zeroShare = 0 }: ForecastInput, curve: readonly RateClass[]): PageClass[] {
  const written = curve.reduce((sum, one) => sum + one.pages, 0);
  const zeros = Math.min(pages - written, pages * zeroShare);
  const slice: PageClass[] = [
    ...curve.map((one) => ({ ...one, pages: one.pages / SLICES })),
    { pages: zeros / SLICES, writesPerPageSec: 0, zeroShare: 1 },
    { pages: Math.max(0, pages - written - zeros) / SLICES, writesPerPageSec: 0 },
  ].filter((one) => one.pages > 0);
  return Array.from({ length: SLICES }, () => slice).flat();
}

function plateauOf(input: ForecastInput, classes: readonly RateClass[]): Forecast["plateau"] {
  if (classes.length === 0) return;
  const curve = curveOfClasses(classes);
  const limit = input.maxBandwidthBytesPerSec ?? MAX_BANDWIDTH;
  const bytesPerSec = Math.min(input.linkBytesPerSec, limit);
  const sizes = { pages: input.pages, bytesPerPage: PAGE_WIRE_BYTES, bytesPerSec };
  const passSec = plateauSec(curve, sizes);
  return passSec > 0 ? { passSec, pages: curve(passSec) } : undefined;
}

function check(input: ForecastInput): void {
  const { pages, zeroShare = 0, linkBytesPerSec, downtimeLimitMs } = input;
  const problem = !(pages >= 1 && pages <= PAGES_MAX)
    ? `pages is ${pages}; give 1 to 2^34`
    : !(zeroShare >= 0 && zeroShare <= 1)
      ? `zeroShare is ${zeroShare}; give 0 to 1`
      : !(linkBytesPerSec >= 1000)
        ? `linkBytesPerSec is ${linkBytesPerSec}; give 1000 or more`
        : !(downtimeLimitMs > 0)
          ? `downtimeLimitMs is ${downtimeLimitMs}; give more than 0`
          : undefined;
  if (problem !== undefined) throw new PrecopyError("bad-input", problem);
}
