/**
 * Forecasts a migration before it starts, from what an operator has: memory, dirty rates over one
 * window or several (or a recording of the guest), the link, the settings of the hypervisor and of
 * the manager above it. Every figure is a range, because the curve beyond its windows, the link under
 * load, and the moment that the migration meets are not known: the same forecast is made under a
 * fixed set of such circumstances.
 */
import { PrecopyError } from "../base/errors.js";
import { type DirtyPoint, plateauSec } from "../fluid/index.js";
import { circumstances, MEASURED_SPREAD, NOMINAL_SPREAD, USUAL } from "./circumstances.js";
import { type ContentFacts, UNKNOWN_CONTENT } from "./content-facts.js";
import { forecastCosts } from "./forecast-costs.js";
import {
  type ForecastGuest,
  type GuestChance,
  type PreparedGuest,
  prepareGuest,
  USUAL_CHANCE,
} from "./forecast-guest.js";
import { type ForecastSettings, forecastSettings } from "./forecast-settings.js";
import type { LoopCosts } from "./loop-costs.js";
import type { LoopOutcome, LoopPass } from "./loop-outcome.js";
import { forecastRounds } from "./rounds-forecast.js";
import { forecastSlots, type LoopInput } from "./slots-forecast.js";
import { type Range, rangeOf } from "./validation.js";

export interface ForecastInput {
  readonly guest: ForecastGuest;
  /** What its pages hold; what is left out is not known ({@link UNKNOWN_CONTENT}). */
  readonly content?: Partial<ContentFacts>;
  /** What the link carries of the stream; Infinity: loopback, where only the CPU counts. */
  readonly linkBytesPerSec: number;
  /** `measured`: it was seen to carry that; `nominal` (default): it should. */
  readonly linkKnown?: "measured" | "nominal";
  /** Default 300 ms, QEMU's own. A manager may move it. */
  readonly downtimeLimitMs?: number;
  /**
   * As everywhere, `strategy+technique@preset`; without `@preset` that of QEMU 10.2. Default
   * `pre-copy@qemu102`. Several programs may share what {@link forecastSettings} made of one.
   */
  readonly strategy?: string | ForecastSettings;
  /** Given up after so long. Default one hour; with a manager, which decides, 30 days. */
  readonly timeoutMs?: number;
  /** In place of what was measured for the hypervisor ({@link forecastCosts}). */
  readonly costs?: Partial<LoopCosts>;
  /** How many sets of circumstances; default 12, for a trace 6; at most 1000. 0 = the usual ones. */
  readonly circumstances?: number;
}

/** How often a rule ended it, over all circumstances. */
export interface RuleShare {
  readonly rule: string;
  readonly completes: boolean;
  readonly share: number;
}

export interface Forecast {
  /** Whole name, with its preset. */
  readonly strategy: string;
  readonly loop: "slots" | "rounds";
  /** At most so much goes out while the guest runs: the link's rate, or the hypervisor's limit. */
  readonly rate: { readonly bytesPerSec: number; readonly by: "link" | "max-bandwidth" };
  /** Whether what is left gets little enough by itself, or by the post-copy that was asked for. */
  readonly converges: "yes" | "no" | "borderline";
  /** Share of the circumstances under which it does. */
  readonly convergesShare: number;
  /** Share of the circumstances under which the guest moves, converged or forced. */
  readonly completesShare: number;
  /**
   * Where dirtying balances the link: passes settle at this length and these pages; undefined where
   * they shrink until they fit.
   */
  readonly plateau: { readonly passSec: number; readonly pages: number } | undefined;
  /** Infinite where it does not complete. */
  readonly totalMs: Range;
  readonly downtimeMs: Range;
  readonly bytes: Range;
  /** Rounds; over slots readings of the log, QEMU's dirty-sync-count. */
  readonly rounds: Range;
  /** What ends it under usual circumstances. */
  readonly rule: string;
  /** What ends it under all, the most frequent first. */
  readonly rules: readonly RuleShare[];
  /** The throttle that auto-converge reaches, per cent. */
  readonly throttlePercent: Range;
  /** At the end, under usual circumstances. */
  readonly downtimeLimitMs: number;
  /** Under usual circumstances. */
  readonly passes: readonly LoopPass[];
  /** Distinct pages in windows, as far as they are known. */
  readonly dirtied: readonly DirtyPoint[];
}

export const DEFAULT_DOWNTIME_LIMIT_MS = 300;
export const DEFAULT_TIMEOUT_MS = 3_600_000;
/** A trace is gone through page by page, which takes longer. */
const CIRCUMSTANCES = { rates: 12, classes: 12, trace: 6 };
const CIRCUMSTANCES_MAX = 1000;
const TIMEOUT_MS_MAX = 30 * 86_400_000;
const PAGE_WIRE_BYTES = 4104;
/** Fractions of 1 whose multiples lie evenly: the plastic number's powers. */
const PHASE_STEP = 0.7548776662466927;
const CUT_OFF_STEP = 0.5698402909980532;

/** @throws PrecopyError for figures that no migration can have, and for what is not forecast. */
export function forecast(input: ForecastInput): Forecast {
  check(input);
  const { strategy } = input;
  const settings = typeof strategy === "object" ? strategy : forecastSettings(strategy);
  const content = { ...UNKNOWN_CONTENT, ...input.content };
  const guest = prepareGuest(input.guest, content);
  const loop: LoopInput = {
    ...{ guest, settings, content },
    costs: forecastCosts(settings.preset.name, input.costs),
    linkBytesPerSec: input.linkBytesPerSec,
    downtimeLimitMs: input.downtimeLimitMs ?? DEFAULT_DOWNTIME_LIMIT_MS,
    // A manager has a time-out of its own, or none.
    timeoutMs: input.timeoutMs ?? (settings.manager ? TIMEOUT_MS_MAX : DEFAULT_TIMEOUT_MS),
  };
  const run = settings.preset.loop === "slots" ? forecastSlots : forecastRounds;
  const usual = run(loop, USUAL, USUAL_CHANCE);
  const spread = input.linkKnown === "measured" ? MEASURED_SPREAD : NOMINAL_SPREAD;
  const outcomes = [usual];
  const count = input.circumstances ?? CIRCUMSTANCES[input.guest.kind];
  for (const [i, one] of circumstances(count, spread).entries()) {
    outcomes.push(run(loop, one, chanceOf(i)));
  }
  return summarise(outcomes, { input, settings, guest });
}

function chanceOf(i: number): GuestChance {
  return {
    phase: ((i + 1) * PHASE_STEP) % 1,
    cutOff: ((i + 1) * CUT_OFF_STEP) % 1,
    // 0 is the usual case's.
    tail: i + 1,
  };
}

function summarise(
  outcomes: readonly LoopOutcome[],
  { input, settings, guest }: Pick<LoopInput, "settings" | "guest"> & { input: ForecastInput },
): Forecast {
  const usual = outcomes[0] as LoopOutcome;
  const share = (of: (one: LoopOutcome) => boolean) => outcomes.filter(of).length / outcomes.length;
  const convergesShare = share(({ converges }) => converges);
  const range = (of: (one: LoopOutcome) => number) =>
    rangeOf(outcomes.map((one) => (one.completes ? of(one) : Number.POSITIVE_INFINITY)));
  return {
    strategy: settings.name,
    loop: settings.preset.loop ?? "rounds",
    rate: rateOf(input, settings),
    converges: convergesShare === 1 ? "yes" : convergesShare === 0 ? "no" : "borderline",
    convergesShare,
    completesShare: share(({ completes }) => completes),
    plateau: plateauOf(rateOf(input, settings).bytesPerSec, guest),
    totalMs: range(({ totalMs }) => totalMs),
    downtimeMs: range(({ downtimeMs }) => downtimeMs),
    bytes: range(({ bytes }) => bytes),
    rounds: range(({ rounds }) => rounds),
    rule: usual.rule,
    rules: rulesOf(outcomes),
    throttlePercent: rangeOf(outcomes.map(({ throttlePercent }) => throttlePercent)),
    downtimeLimitMs: usual.downtimeLimitMs,
    passes: usual.passes,
    dirtied: guest.dirtied,
  };
}

function rulesOf(outcomes: readonly LoopOutcome[]): RuleShare[] {
  const rules = [...new Set(outcomes.map(({ rule }) => rule))];
  const shares = rules.map((rule) => {
    const mine = outcomes.filter((one) => one.rule === rule);
    const { completes } = mine[0] as LoopOutcome;
    return { rule, completes, share: mine.length / outcomes.length };
  });
  return shares.sort((a, b) => b.share - a.share);
}

function rateOf(
  { linkBytesPerSec }: ForecastInput,
  { preset: { slots } }: ForecastSettings,
): Forecast["rate"] {
  const quota = slots === undefined ? Infinity : (slots.quotaBytes * 1e9) / slots.slotNs;
  return quota < linkBytesPerSec
    ? { bytesPerSec: quota, by: "max-bandwidth" }
    : { bytesPerSec: linkBytesPerSec, by: "link" };
}

function plateauOf(bytesPerSec: number, guest: PreparedGuest): Forecast["plateau"] {
  const curve = guest.curve(USUAL_CHANCE);
  if (!(curve(1) > 0) || bytesPerSec === Infinity) return;
  const sizes = { pages: guest.pages, bytesPerPage: PAGE_WIRE_BYTES, bytesPerSec };
  const passSec = plateauSec(curve, sizes);
  return passSec > 0 ? { passSec, pages: curve(passSec) } : undefined;
}

function check(input: ForecastInput): void {
  const { downtimeLimitMs = DEFAULT_DOWNTIME_LIMIT_MS, timeoutMs = DEFAULT_TIMEOUT_MS } = input;
  const fields: [string, number, number, number][] = [
    ["linkBytesPerSec", input.linkBytesPerSec, 1000, Infinity],
    ["downtimeLimitMs", downtimeLimitMs, 1e-3, 2e6],
    ["timeoutMs", timeoutMs, 1, TIMEOUT_MS_MAX],
    ["circumstances", input.circumstances ?? 0, 0, CIRCUMSTANCES_MAX],
    ["content.zeroShare", input.content?.zeroShare ?? 0, 0, 1],
    ["content.deltaBytes", input.content?.deltaBytes ?? 0, 0, 4096],
    ["content.deltaMissShare", input.content?.deltaMissShare ?? 0, 0, 1],
    ["content.deflateShare", input.content?.deflateShare ?? 1, 1e-3, 1],
    ["content.zstdShare", input.content?.zstdShare ?? 1, 1e-3, 1],
    ...Object.entries(input.costs ?? {}).map(([name, value]): [string, number, number, number] => [
      `costs.${name}`,
      value,
      0,
      1e12,
    ]),
  ];
  for (const [name, value, from, to] of fields) {
    if (value >= from && value <= to) continue;
    const limits = `give ${from.toLocaleString("en")} to ${to.toLocaleString("en")}`;
    throw new PrecopyError("bad-input", `${name} is ${value}: ${limits}`);
  }
}
