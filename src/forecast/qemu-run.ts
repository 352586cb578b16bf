/**
 * A recorded QEMU migration, split in two: what was known before it started, and what came of it.
 * Only this file reads the recording, and the forecast sees `known` alone.
 *
 * Known: `guest.kind|mem_mb|vcpus|workload`, `net`, `params`, `caps`, `postcopy_after`, `timeout_s`,
 * `strategy`, `trace_file`, and of `measured` what the clock showed when the migration was asked
 * for: `guest_s_at_start`, `cont_to_migrate_ms`. Everything else is outcome. The rate of the first
 * pass (`windows`, `syncs`) is an outcome too, and used where a row says so.
 */
import { PrecopyError } from "../base/errors.js";

/** A guest program that writes pages at a set rate: `guest.workload` of a baremetal run. */
export interface DirtierWorkload {
  readonly base_mb: number;
  readonly region_pages: number;
  readonly fill: string;
  readonly wss: number;
  readonly rate: number;
  readonly dist: string;
  readonly content: string;
  readonly hotp?: number;
  readonly hotn?: number;
  readonly spin?: number;
  readonly catchup?: number;
  readonly dn?: number;
}

export interface QemuKnown {
  readonly id: string;
  readonly strategy: string;
  readonly memoryPages: number;
  readonly dirtier: DirtierWorkload | undefined;
  /** Name of a Linux guest's workload. */
  readonly workload: string | undefined;
  readonly workloadArgs: string | undefined;
  readonly traceFile: string | undefined;
  readonly network: "link" | "max-bandwidth";
  readonly bytesPerSec: number;
  readonly params: Readonly<Record<string, number | string>>;
  readonly caps: Readonly<Record<string, boolean>>;
  readonly postCopyAfter: { readonly pass: number; readonly ms: number } | undefined;
  readonly timeoutMs: number;
  /** How long the guest had run. */
  readonly ranSec: number | undefined;
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
  readonly wallMs: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws PrecopyError naming the field, if the line is no such run. */
export function parseQemuRun(line: Fields): QemuRun {
  const wallMs = number(fields(line, "measured"), "wall_ms");
  return { known: known(line), actual: actual(line), wallMs };
}

export function isQemuRun(line: Fields): boolean {
  return typeof line.reported === "object" && typeof line.net === "object";
}

function known(line: Fields): QemuKnown {
  const guest = fields(line, "guest");
  const workload = fields(guest, "workload");
  const net = fields(line, "net");
  const measured = fields(line, "measured");
  const after = line.postcopy_after as { pass: number; ms: number } | null | undefined;
  const contMs = measured.cont_to_migrate_ms as number | undefined;
  const startSec = measured.guest_s_at_start as number | null | undefined;
  const ranSec = typeof contMs === "number" ? contMs / 1000 : (startSec ?? undefined);
  return {
    id: String(line.id),
    strategy: String(line.strategy),
    memoryPages: number(guest, "mem_mb") * 256,
    dirtier: "wss" in workload ? (workload as unknown as DirtierWorkload) : undefined,
    workload: typeof workload.name === "string" ? workload.name : undefined,
    workloadArgs: typeof workload.args === "string" ? workload.args : undefined,
    traceFile: typeof line.trace_file === "string" ? line.trace_file : undefined,
    network: net.kind === "link" ? "link" : "max-bandwidth",
    bytesPerSec: number(net, "bytes_per_s"),
    params: fields(line, "params") as Record<string, number | string>,
    caps: fields(line, "caps") as Record<string, boolean>,
    postCopyAfter: after ?? undefined,
    timeoutMs: number(line, "timeout_s") * 1000,
    ranSec,
  };
}

function actual(line: Fields): QemuActual {
  const reported = fields(line, "reported");
  const ram = fields(reported, "ram");
  const measured = fields(line, "measured");
  const completed = line.outcome === "completed";
  const postCopied = String(line.strategy).startsWith("postcopy");
  const down = postCopied ? measured.event_blackout_ms : reported.downtime_ms;
  return {
    completed,
    totalMs: number(reported, "total_time_ms"),
    downtimeMs: completed && typeof down === "number" ? down : Number.NaN,
    bytes: number(ram, "transferred"),
    syncs: number(ram, "dirty-sync-count"),
    firstPassBytesPerSec: firstPassRate(line),
  };
}

/** Samples of the first 100 ms fill the sockets. */
const FILLED_MS = 100;

/**
 * On a link: over the stretches of the first pass in which no page of zeros went. Under QEMU's own
 * limit, which sends in bursts: over the windows of the first pass, the first and last apart.
 */
function firstPassRate(line: Fields): number {
  const series = line.series as { fields: string[]; rows: number[][] } | null | undefined;
  const syncs = (line.syncs as { t_ms: number }[] | null) ?? [];
  const endMs = syncs[1]?.t_ms ?? Number.POSITIVE_INFINITY;
  if (fields(line, "net").kind !== "link") return windowsRate(line, endMs);
  const column = (name: string) => series?.fields.indexOf(name) ?? -1;
  const [at, sent, zeros] = [column("t_ms"), column("transferred"), column("duplicate")];
  const rows = (series?.rows ?? []).filter(
    (row) => (row[at] as number) > FILLED_MS && (row[at] as number) < endMs,
  );
  const quiet = longStretches(rows, zeros).flatMap(([from, to]) => {
    const [first, last] = [rows[from] as number[], rows[to] as number[]];
    return [
      {
        bytes: (last[sent] as number) - (first[sent] as number),
        ms: (last[at] as number) - (first[at] as number),
      },
    ];
  });
  const sum = (of: "bytes" | "ms") => quiet.reduce((total, one) => total + one[of], 0);
  return quiet.length > 0 ? (sum("bytes") / sum("ms")) * 1000 : Number.NaN;
}

/** Samples in a row without a page of zeros: the longest, and all that are half as long. */
function longStretches(rows: readonly number[][], zeros: number): [number, number][] {
  const all: [number, number][] = [];
  // The first step after zeros fills the sockets again.
  for (let from = 0, i = 1; i <= rows.length; i++) {
    if (i < rows.length && rows[i]?.[zeros] === rows[i - 1]?.[zeros]) continue;
    if (i - 1 - from >= 2) all.push([from + 1, i - 1]);
    from = i;
  }
  const longest = Math.max(0, ...all.map(([from, to]) => to - from));
  return all.filter(([from, to]) => to - from >= longest / 2);
}

function windowsRate(line: Fields, endMs: number): number {
  const rows = (line.windows as { rows?: number[][] } | null)?.rows ?? [];
  const mine = rows.filter(([atMs = 0]) => atMs < endMs - 1);
  let bytes = 0;
  for (const [, sent = 0] of mine.slice(1)) bytes += sent;
  const ms = (mine.at(-1)?.[0] ?? 0) - (mine[0]?.[0] ?? 0);
  return ms > 0 ? (bytes / ms) * 1000 : Number.NaN;
}

function fields(of: Fields, name: string): Fields {
  const value = of[name];
  if (typeof value === "object" && value !== null) return value as Fields;
  throw new PrecopyError("bad-input", `the field ${name} of a recorded run is missing`);
}

function number(of: Fields, name: string): number {
  const value = of[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new PrecopyError("bad-input", `the field ${name} of a recorded run is no number`);
}
