/** Verdicts on recorded QEMU migrations: each forecast under usual and under other circumstances. */
import { type BaselineInput, geometric, uniquePages } from "./baselines.js";
import { circumstances, MEASURED_SPREAD, NOMINAL_SPREAD } from "./circumstances.js";
import { forecastQemu } from "./qemu-forecast.js";
import type { QemuGuest } from "./qemu-guest.js";
import type { QemuKnown, QemuRun } from "./qemu-run.js";
import type { SlotOutcome } from "./slot-outcome.js";
import { type Figures, halfOf, type RateKind, type RunVerdict, rangeOf } from "./validation.js";

/** Forecasts of a range; the one under usual circumstances comes on top. */
const CIRCUMSTANCES = 10;
/** A busy guest's 90th hundredth is this many times the 10th: its speed decides when it ends. */
const BORDERLINE_RATIO = 1.25;

export interface QemuVerdictOptions {
  readonly run: QemuRun;
  readonly guest: QemuGuest;
  readonly rate: RateKind;
  /** Default all of them; 0 for the point forecast alone, whose range is the point. */
  readonly circumstances?: number;
}

export function qemuVerdict(options: QemuVerdictOptions): RunVerdict {
  const { run, guest, rate } = options;
  const { known, actual } = run;
  const measured = Number.isFinite(actual.firstPassBytesPerSec);
  const nominal = rate === "nominal" || !measured;
  const bytesPerSec = nominal ? known.bytesPerSec : actual.firstPassBytesPerSec;
  const spread = nominal ? NOMINAL_SPREAD : MEASURED_SPREAD;
  const point = forecastQemu(known, guest, bytesPerSec, { nominal });
  const all = [point];
  for (const one of circumstances(options.circumstances ?? CIRCUMSTANCES, spread)) {
    all.push(forecastQemu(known, guest, bytesPerSec, { nominal, circumstances: one }));
  }
  const total = rangeOf(all.map(({ totalMs, end }) => (end === "timeout" ? never : totalMs)));
  const ends = new Set(all.map(({ end }) => end === "timeout"));
  return {
    id: known.id,
    group: qemuGroup(known, guest.bound),
    half: halfOf(known.id),
    rate,
    actual,
    forecast: { ...figuresOf(point, known), completed: point.end !== "timeout" },
    borderline: ends.size > 1 || (guest.bound && total.high > BORDERLINE_RATIO * total.low),
    total,
    downtime: rangeOf(all.map((one) => figuresOf(one, known).downtimeMs)),
    baselines: baselinesOf(known, guest, bytesPerSec),
  };
}

const never = Number.POSITIVE_INFINITY;

/** As the runs tell them: with post-copy the guest's own pause. */
function figuresOf(outcome: SlotOutcome, { postCopyAfter }: QemuKnown): Figures {
  const { totalMs, downtimeMs, blackoutMs, bytes, syncs } = outcome;
  return {
    ...{ totalMs, bytes, syncs },
    downtimeMs: postCopyAfter === undefined ? downtimeMs : blackoutMs,
  };
}

/** Capabilities that make a group, by the names of the tables. */
const GROUPS = [
  ["multifd", "multifd"],
  ["xbzrle", "XBZRLE"],
  ["compress", "compress"],
  ["auto-converge", "auto-converge"],
] as const;

/** A run's row in the tables; `bound`: undefined where nobody knows. */
export function qemuGroup(
  { caps, postCopyAfter, network, dirtier }: QemuKnown,
  bound: boolean | undefined,
): string {
  const names: string[] = GROUPS.filter(([name]) => caps.has(name)).map(([, group]) => group);
  if (postCopyAfter !== undefined) names.unshift("post-copy");
  if (names.length > 0) return names.join(" + ");
  if (dirtier !== undefined || bound === undefined) return `pre-copy, ${network}`;
  return bound ? "Linux, busy" : "Linux, paced";
}

function baselinesOf(known: QemuKnown, guest: QemuGuest, bytesPerSec: number) {
  const { pages, zeroPages, writtenPages, writesPerSec } = guest;
  const { downtimeLimitMs } = known.settings;
  const guestOf = { pages, zeroPages, writtenPages, writesPerSec };
  const input: BaselineInput = { ...guestOf, bytesPerSec, downtimeLimitMs };
  return { M0: geometric(input), M1: uniquePages(input) };
}
