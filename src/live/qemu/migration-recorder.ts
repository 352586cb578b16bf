/**
 * Watches one migration at its source over QMP: `query-migrate` at an interval, and events, until it
 * ends. What comes out is one object in the form of the recorded runs (examples/runs/README.md), so that
 * `precopy validate` and `precopy explain` read it like them. QEMU is asked only; what starts a
 * migration, and what sends it to post-copy, is the caller's (qemu-migration.ts).
 */
import { PrecopyError } from "../../base/errors.js";
import {
  type DirtyWindow,
  isMigrating,
  type MigrationAnswer,
  pause,
  QemuMonitor,
} from "./qemu-monitor.js";
import type { QmpClient, QmpEvent } from "./qmp-client.js";

/** One look. Times in ms since the migration was asked for, or as QEMU counts them. */
export interface MigrationSample {
  readonly atMs: number;
  readonly status: string;
  readonly transferredBytes: number;
  readonly remainingBytes: number;
  /** Distinct pages a second, over QEMU's last period of a second or more; 0 before the first. */
  readonly dirtyPagesPerSec: number;
  readonly syncs: number;
  readonly expectedDowntimeMs: number | undefined;
  readonly throttlePercent: number;
  readonly bandwidthBytesPerSec: number;
}

/** What the recording cannot see by itself; the names are those of the recorded runs. */
export interface RecordedDirtyRate {
  readonly mode: string;
  readonly mb_per_s: number;
  readonly raw: Readonly<Record<string, number | string>>;
}

export function recordedDirtyRate({
  windowSec,
  mibPerSec,
  samplePagesPerGib,
}: DirtyWindow): RecordedDirtyRate {
  const time = Number.isInteger(windowSec)
    ? { "calc-time": windowSec }
    : { "calc-time": Math.round(windowSec * 1000), "calc-time-unit": "millisecond" };
  const mode = "page-sampling";
  const raw = {
    ...{ status: "measured", mode, "sample-pages": samplePagesPerGib, "dirty-rate": mibPerSec },
    ...time,
  };
  return { mode, mb_per_s: mibPerSec, raw };
}

export interface RunLabels {
  readonly id: string;
  readonly family?: string;
  readonly guest: {
    readonly kind: string;
    readonly mem_mb: number;
    readonly vcpus: number | null;
    /** Of its memory before the start, where somebody said so. */
    readonly zero_share?: number;
    readonly workload: Readonly<Record<string, unknown>>;
  };
  readonly net: {
    readonly kind: "link" | "max-bandwidth";
    readonly bytes_per_s: number;
    readonly transport: string | null;
  };
  readonly params: Readonly<Record<string, unknown>>;
  readonly caps: Readonly<Record<string, boolean>>;
  readonly postcopy_after?: { readonly pass: number; readonly ms: number } | null;
  /** The recording does not end a migration by itself: null unless the caller does. */
  readonly timeout_s?: number | null;
  /** What `calc-dirty-rate` said before, its answers in `raw`. */
  readonly calc_dirty_rate?: readonly RecordedDirtyRate[] | null;
  /** Beside `measured`: what the caller knows of the guest. */
  readonly measured?: Readonly<Record<string, unknown>>;
}

export interface RecordOptions {
  readonly labels: RunLabels;
  /** Between looks. Default 50 ms. */
  readonly intervalMs?: number;
  /** Of the request, ms since 1970; undefined: it runs already, and QEMU's clock tells since when. */
  readonly startedMs?: number;
  /** The destination's monitor, where there is one: its RESUME ends the pause. */
  readonly target?: QmpClient;
  /** Called at every look; one that returns a promise is awaited. */
  readonly onSample?: (sample: MigrationSample) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

export type RunOutcome = "completed" | "failed" | "cancelled" | "unknown";

/** A line of a file of recorded runs. */
export interface RecordedMigration extends RunLabels {
  readonly strategy: string;
  readonly outcome: RunOutcome;
  /** In QEMU's words; only of a failed one. */
  readonly error?: string;
  readonly reported: {
    readonly total_time_ms: number;
    readonly downtime_ms: number | null;
    readonly setup_time_ms: number | null;
    readonly ram: Readonly<Record<string, number>>;
  };
  readonly measured: Readonly<Record<string, unknown>> & {
    readonly wall_ms: number;
    readonly stop_event_ms: number | null;
    readonly dst_resume_event_ms: number | null;
    readonly event_blackout_ms: number | null;
    readonly throttle_max_pct: number;
  };
  /** When the count of readings was seen to grow: late by an interval at most. */
  readonly syncs: readonly { readonly t_ms: number; readonly pages_dirty_period: null }[];
  /** QMP does not tell them. */
  readonly windows: null;
  readonly series: {
    readonly fields: readonly string[];
    readonly rows: readonly (readonly (number | string | null)[])[];
  };
  readonly events: readonly (readonly [number, "src" | "dst", string, string | null])[];
}

const INTERVAL_MS = 50;
const FIELDS = [
  ...["t_ms", "status", "transferred", "remaining", "normal", "duplicate", "dirty_sync_count"],
  ...["dirty_pages_rate", "expected_downtime", "cpu_throttle_pct", "mbps"],
];
/** A day of looks every 50 ms; then every second one is left out, again and again. */
const ROWS_MAX = 2 ** 20;
const EVENTS_MAX = 10_000;
/** `completed` may come before its figures (migration_calculate_complete): looked for so long. */
const FIGURES_MS = 2_000;
/** The destination's RESUME may come so much later than the source's end. */
const RESUME_MS = 1_000;
/** Further apart the two machines' clocks are not taken for one. */
const CLOCKS_MS = 1_000;

/**
 * @throws PrecopyError `bad-input` if no migration runs, `aborted` if QEMU goes away, and the signal's
 *   reason if it comes first
 */
export async function recordMigration(
  client: QmpClient,
  options: RecordOptions,
): Promise<RecordedMigration> {
  const recorder = new MigrationRecorder(client, options);
  try {
    return await recorder.run();
  } finally {
    recorder.release();
  }
}

class MigrationRecorder {
  private readonly monitor: QemuMonitor;
  private startMs: number;
  private readonly rows: (number | string | null)[][] = [];
  private everyMs: number;
  private readonly syncs: { t_ms: number; pages_dirty_period: null }[] = [];
  private readonly events: [number, "src" | "dst", string, string | null][] = [];
  private readonly release_: (() => void)[] = [];
  /** The last look that had counts: a cancelled migration's answer has none. */
  private counted: MigrationAnswer | undefined;
  private throttleMax = 0;
  private postCopied = false;
  private resumed: (() => void) | undefined;

  constructor(
    client: QmpClient,
    private readonly options: RecordOptions,
  ) {
    this.monitor = new QemuMonitor(client);
    this.everyMs = options.intervalMs ?? INTERVAL_MS;
    this.startMs = options.startedMs ?? Number.NaN;
    this.release_.push(client.onEvent((event) => this.event("src", event)));
    const { target } = options;
    if (target !== undefined) this.release_.push(target.onEvent((one) => this.event("dst", one)));
  }

  release(): void {
    for (const release of this.release_) release();
  }

  async run(): Promise<RecordedMigration> {
    const { signal } = this.options;
    let last: MigrationAnswer | undefined;
    for (;;) {
      const { answer, gone } = await this.ask(last);
      if (gone !== undefined) return this.goneRun(gone);
      const atMs = this.now(answer);
      this.keep(answer, atMs);
      await this.options.onSample?.(sampleOf(answer, atMs));
      if (!isMigrating(answer)) {
        const final = await this.figures(answer);
        await this.awaitResume(final);
        return this.recorded(final);
      }
      last = answer;
      await pause(this.everyMs, signal);
    }
  }

  /** QEMU may be ended by its manager as soon as it has completed. */
  private async ask(
    last: MigrationAnswer | undefined,
  ): Promise<{ answer: MigrationAnswer; gone?: undefined } | { answer?: undefined; gone: Error }> {
    try {
      return { answer: await this.monitor.migration() };
    } catch (error) {
      if (last === undefined || !(error instanceof PrecopyError)) throw error;
      if (this.options.signal?.aborted === true) throw this.options.signal.reason;
      return { gone: error };
    }
  }

  private now(answer: MigrationAnswer): number {
    const nowMs = Date.now();
    if (Number.isNaN(this.startMs)) {
      if (!isMigrating(answer)) {
        const next = "start one, or let --start do it";
        throw new PrecopyError("bad-input", `no migration runs (${answer.status}): ${next}`);
      }
      this.startMs = nowMs - (answer.totalMs ?? 0);
    }
    return nowMs - this.startMs;
  }

  private keep(answer: MigrationAnswer, atMs: number): void {
    const { ram, status, throttlePercent = 0 } = answer;
    this.throttleMax = Math.max(this.throttleMax, throttlePercent);
    if (status.startsWith("postcopy")) this.postCopied = true;
    if (ram === undefined) return;
    this.counted = answer;
    const t_ms = Math.round(atMs);
    const count = ram["dirty-sync-count"] ?? 0;
    while (this.syncs.length < count && this.syncs.length < EVENTS_MAX) {
      this.syncs.push({ t_ms, pages_dirty_period: null });
    }
    this.rows.push([
      ...[t_ms, status, ram.transferred ?? 0, ram.remaining ?? 0, ram.normal ?? 0],
      ...[ram.duplicate ?? 0, count, ram["dirty-pages-rate"] ?? 0],
      ...[answer.expectedDowntimeMs ?? null, throttlePercent, ram.mbps ?? 0],
    ]);
    if (this.rows.length < ROWS_MAX) return;
    this.everyMs *= 2;
    for (let i = 1; i * 2 < ROWS_MAX; i++) this.rows[i] = this.rows[i * 2] as (number | string)[];
    this.rows.length = ROWS_MAX / 2;
  }

  private event(end: "src" | "dst", { name, data, atMs, heardMs }: QmpEvent): void {
    if (this.events.length >= EVENTS_MAX) return;
    const isSameClock = Math.abs(heardMs - atMs) < CLOCKS_MS;
    const at = isSameClock ? atMs : heardMs;
    const status = typeof data.status === "string" ? data.status : null;
    this.events.push([at, end, name, status]);
    if (end === "dst" && name === "RESUME") this.resumed?.();
  }

  /** `completed` without its figures: looks on until they are there. */
  private async figures(answer: MigrationAnswer): Promise<MigrationAnswer> {
    let last = answer;
    for (let ms = 0; isUnfinished(last) && ms < FIGURES_MS; ms += this.everyMs) {
      await pause(this.everyMs, this.options.signal);
      const { answer: next } = await this.ask(last);
      if (next === undefined) break;
      last = next;
      this.keep(last, this.now(last));
    }
    return last;
  }

  private async awaitResume({ status }: MigrationAnswer): Promise<void> {
    const { target, signal } = this.options;
    if (target === undefined || status !== "completed") return;
    const isThere = () => this.events.some(([, end, name]) => end === "dst" && name === "RESUME");
    if (isThere()) return;
    const came = new Promise<void>((resolve) => {
      this.resumed = resolve;
    });
    await Promise.race([came, target.ended, pause(RESUME_MS, signal)]);
  }

  /** The connection ended: completed if QEMU had said so by an event. */
  private goneRun(error: Error): RecordedMigration {
    const said = this.events.some(
      ([, end, name, status]) => end === "src" && name === "MIGRATION" && status === "completed",
    );
    const counted = this.counted as MigrationAnswer;
    const status = said ? "completed" : "unknown";
    return this.recorded({ ...counted, status, error: error.message });
  }

  private recorded(final: MigrationAnswer): RecordedMigration {
    const { labels } = this.options;
    const wallMs = Math.round(Date.now() - this.startMs);
    const counted = final.ram === undefined ? this.counted : final;
    const events = this.events.map(([at, ...rest]): RecordedMigration["events"][number] => [
      this.sinceStart(at),
      ...rest,
    ]);
    const stopMs = eventAt(events, "src", "STOP", "last");
    const resumeMs = eventAt(events, "dst", "RESUME", "first");
    const outcome = outcomeOf(final.status);
    const down = stopMs === null || resumeMs === null ? null : round1(resumeMs - stopMs);
    return {
      ...labels,
      postcopy_after: labels.postcopy_after ?? null,
      timeout_s: labels.timeout_s ?? NO_TIMEOUT_SEC,
      calc_dirty_rate: labels.calc_dirty_rate ?? null,
      strategy: strategyOf(labels.caps, this.postCopied),
      outcome,
      ...(outcome !== "completed" && final.error !== undefined && { error: final.error }),
      reported: {
        total_time_ms: final.totalMs || counted?.totalMs || wallMs,
        downtime_ms: final.downtimeMs ?? null,
        setup_time_ms: final.setupMs ?? null,
        ram: counted?.ram ?? { transferred: 0, "dirty-sync-count": 0 },
      },
      measured: {
        ...labels.measured,
        wall_ms: wallMs,
        stop_event_ms: stopMs,
        dst_resume_event_ms: resumeMs,
        event_blackout_ms: down,
        throttle_max_pct: this.throttleMax,
      },
      syncs: this.syncs,
      windows: null,
      series: { fields: FIELDS, rows: this.rows },
      events,
    };
  }

  private sinceStart(atMs: number): number {
    return round1(atMs - this.startMs);
  }
}

/** In place of a limit that nobody set: a week. */
const NO_TIMEOUT_SEC = 604_800;

function isUnfinished({ status, totalMs }: MigrationAnswer): boolean {
  return status === "completed" && !totalMs;
}

function outcomeOf(status: string): RunOutcome {
  if (status === "completed" || status === "failed") return status;
  return status === "cancelled" ? "cancelled" : "unknown";
}

/** As the recorded runs call it: by what makes the largest difference. */
function strategyOf(caps: Readonly<Record<string, boolean>>, postCopied: boolean): string {
  if (postCopied) return caps["postcopy-preempt"] === true ? "postcopy-preempt" : "postcopy";
  if (caps.xbzrle === true) return "xbzrle";
  if (caps["auto-converge"] === true) return "auto-converge";
  if (caps.multifd === true) return "multifd";
  return caps.compress === true ? "compress" : "precopy";
}

function eventAt(
  events: RecordedMigration["events"],
  end: "src" | "dst",
  name: string,
  which: "first" | "last",
): number | null {
  const found = events.filter(([, at, what]) => at === end && what === name);
  return (which === "first" ? found[0] : found.at(-1))?.[0] ?? null;
}

function sampleOf(answer: MigrationAnswer, atMs: number): MigrationSample {
  const { ram = {}, status, expectedDowntimeMs, throttlePercent = 0 } = answer;
  return {
    atMs,
    status,
    transferredBytes: ram.transferred ?? 0,
    remainingBytes: ram.remaining ?? 0,
    dirtyPagesPerSec: ram["dirty-pages-rate"] ?? 0,
    syncs: ram["dirty-sync-count"] ?? 0,
    expectedDowntimeMs,
    throttlePercent,
    bandwidthBytesPerSec: ((ram.mbps ?? 0) * 1e6) / 8,
  };
}

const round1 = (ms: number) => Math.round(ms * 10) / 10;
