/**
 * A recorded QEMU migration, split in two: what was known before it started, and what came of it.
 * Only this file reads the recording, and the forecast sees `known` alone.
 *
 * Known: `guest.kind|mem_mb|workload`, `net`, `params`, `caps`, `postcopy_after`, `timeout_s`,
 * `strategy`, `trace_file`, and of `measured` what the clock showed when the migration was asked
 * for: `guest_s_at_start`, `writes_at_start`, `cont_to_migrate_ms`. Everything else is outcome. The rate of the first
 * pass (`windows`, `syncs`, `series`) is an outcome too, and used where a row says so.
 */
import { PrecopyError } from "../base/errors.js";
import { type DirtierWorkload, dirtierWorkload } from "./dirtier-workload.js";
import { firstPassRate } from "./first-pass-rate.js";
import { type QemuSettings, qemuSettings } from "./qemu-settings.js";
import { RecordedFields } from "./recorded-fields.js";

export interface QemuKnown {
  readonly id: string;
  readonly strategy: string;
  readonly memoryPages: number;
  /** Of its memory, where somebody said so. */
  readonly zeroShare: number;
  readonly dirtier: DirtierWorkload | undefined;
  /** Name of a Linux guest's workload. */
  readonly workload: string | undefined;
  readonly workloadArgs: string | undefined;
  readonly traceFile: string | undefined;
  readonly network: "link" | "max-bandwidth";
  readonly bytesPerSec: number;
  readonly settings: QemuSettings;
  /** Capabilities that were turned on. */
  readonly caps: ReadonlySet<string>;
  readonly postCopyAfter: { readonly pass: number; readonly ms: number } | undefined;
  readonly timeoutMs: number;
  /** How long the guest had run. */
  readonly ranSec: number | undefined;
  /** What it had written by then, by its own count. */
  readonly wrotePages: number | undefined;
}

export interface QemuActual {
  readonly completed: boolean;
  readonly totalMs: number;
  /** Reported; with post-copy the time from STOP to RESUME. NaN where there is none. */
  readonly downtimeMs: number;
  readonly bytes: number;
  readonly syncs: number;
  /** Of the first pass, after its first window. NaN if it is not told. */
  readonly firstPassBytesPerSec: number;
}

export interface QemuRun {
  readonly known: QemuKnown;
  readonly actual: QemuActual;
  /** From the request to the recording's end: only to cut a trace where the migration starts. */
  readonly wallMs: number | undefined;
}

type Line = Readonly<Record<string, unknown>>;

/** Memory that a forecast takes: 1 MiB to 1 TiB, in pages of 4 KiB. */
const MEMORY_MB = { least: 1, most: 2 ** 20 };
/** A recording that does not say when it would have been given up. */
/** Who records may watch for days. */
const TIMEOUT_SEC = { most: 30 * 86_400, otherwise: 300 };

/** @throws PrecopyError naming the field, if the line is no such run. */
export function parseQemuRun(line: Line): QemuRun {
  const run = RecordedFields.of(line);
  const measured = run.object("measured", { optional: true });
  const wallMs = measured.has("wall_ms") ? measured.number("wall_ms") : undefined;
  const before = known(run, measured);
  return { known: before, actual: actual(run, measured, before), wallMs };
}

export function isQemuRun(line: Line): boolean {
  return typeof line.guest === "object" && typeof line.net === "object";
}

function known(run: RecordedFields, measured: RecordedFields): QemuKnown {
  const guest = run.object("guest");
  const workload = guest.object("workload");
  const net = run.object("net");
  const settings = qemuSettings(run.object("params", { optional: true }));
  const network = net.word("kind", ["max-bandwidth", "link"]);
  const memoryPages = guest.number("mem_mb", MEMORY_MB) * 256;
  const caps = capabilities(run.object("caps", { optional: true }));
  const ms = measured.number("cont_to_migrate_ms", { otherwise: 0 });
  const sec = measured.number("guest_s_at_start", { otherwise: 0 });
  const name = workload.text("name");
  const own = settings.maxBandwidthBytesPerSec;
  const otherwise = network === "max-bandwidth" ? { otherwise: own } : {};
  return {
    id: idOf(run),
    strategy: run.text("strategy") ?? "precopy",
    memoryPages,
    zeroShare: guest.number("zero_share", { most: 1, otherwise: 0 }),
    dirtier: name === undefined ? dirtierWorkload(workload, memoryPages) : undefined,
    workload: name,
    workloadArgs: workload.text("args"),
    traceFile: run.text("trace_file"),
    network,
    bytesPerSec: net.number("bytes_per_s", { least: 1000, ...otherwise }),
    settings,
    caps,
    postCopyAfter: caps.has("postcopy-ram") ? postCopyAfter(run) : undefined,
    timeoutMs: run.number("timeout_s", TIMEOUT_SEC) * 1000,
    ranSec: ms > 0 ? ms / 1000 : sec || undefined,
    wrotePages: measured.number("writes_at_start", { otherwise: 0 }) || undefined,
  };
}

function idOf(run: RecordedFields): string {
  const id = run.text("id");
  if (id === undefined) throw run.error("id", "a name");
  return id;
}

/** Those that QEMU 7.2 has and that change what is forecast. */
const CAPABILITIES = [
  ...["xbzrle", "auto-converge", "postcopy-ram", "postcopy-preempt", "multifd", "compress"],
  "return-path",
] as const;

function capabilities(caps: RecordedFields): ReadonlySet<string> {
  return new Set(CAPABILITIES.filter((name) => caps.flag(name)));
}

/** When `migrate-start-postcopy` is sent: at so many readings of the log, or after so long. */
function postCopyAfter(run: RecordedFields): QemuKnown["postCopyAfter"] {
  const after = run.object("postcopy_after", { optional: true });
  if (!after.has("pass") && !after.has("ms")) return undefined;
  const never = { otherwise: Number.POSITIVE_INFINITY };
  return { pass: after.number("pass", never), ms: after.number("ms", never) };
}

/** Ends that say how the migration went; others were brought about from outside. */
const COMPLETED = "completed";
const TIMED_OUT = "cancelled-by-timeout";

function actual(run: RecordedFields, measured: RecordedFields, before: QemuKnown): QemuActual {
  const outcome = run.text("outcome");
  if (outcome !== COMPLETED && outcome !== TIMED_OUT) {
    const what = `its outcome is ${outcome ?? "not told"}: there is nothing to compare with`;
    throw new PrecopyError("unsupported", what);
  }
  const completed = outcome === COMPLETED;
  const reported = run.object("reported", { optional: !completed });
  const ram = reported.object("ram", { optional: !completed });
  // Of a run that was given up nothing but that is compared.
  const otherwise = completed ? {} : { otherwise: Number.NaN };
  const down = downtimeOf(reported, measured, before);
  return {
    completed,
    totalMs: reported.number("total_time_ms", otherwise),
    downtimeMs: completed ? down : Number.NaN,
    bytes: ram.number("transferred", otherwise),
    syncs: ram.number("dirty-sync-count", otherwise),
    firstPassBytesPerSec: firstPass(run, before),
  };
}

function downtimeOf(reported: RecordedFields, measured: RecordedFields, before: QemuKnown): number {
  const nothing = { otherwise: Number.NaN };
  if (before.postCopyAfter === undefined) return reported.number("downtime_ms", nothing);
  return measured.number("event_blackout_ms", nothing);
}

function firstPass(run: RecordedFields, { network }: QemuKnown): number {
  const series = run.object("series", { optional: true });
  const second = run.list("syncs")[1] as { readonly t_ms?: unknown } | null | undefined;
  const endMs = typeof second?.t_ms === "number" ? second.t_ms : Number.POSITIVE_INFINITY;
  return firstPassRate({
    onLink: network === "link",
    endMs,
    series: {
      fields: series.list("fields").filter((name) => typeof name === "string"),
      rows: rowsOf(series),
    },
    windows: rowsOf(run.object("windows", { optional: true })),
  });
}

function rowsOf(table: RecordedFields): number[][] {
  return table.list("rows").filter((row): row is number[] => Array.isArray(row));
}
