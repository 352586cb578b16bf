/**
 * What a running QEMU tells of itself and its guest over QMP, as typed reads: nothing here sets,
 * starts or cancels anything but a measurement of the dirty rate. What a version does not know is told
 * as missing. Names and units: QEMU qapi/migration.json, qapi/machine.json.
 */
import { PrecopyError } from "../../base/errors.js";
import type { QmpClient, QmpGreeting } from "./qmp-client.js";
import { QmpCommandError } from "./qmp-client.js";
import { isObject, plain, type QmpObject } from "./qmp-messages.js";

/** What was read before anything is measured or moved. */
export interface QemuFacts {
  readonly version: QmpGreeting;
  /** -name; undefined where none was given. */
  readonly guest: string | undefined;
  /** "running", "paused", "postmigrate", ... */
  readonly status: string;
  readonly memoryBytes: number;
  readonly vcpus: number | undefined;
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly migration: MigrationAnswer;
  /** Commands that this QEMU does not know. */
  readonly missing: readonly string[];
}

/** `query-migrate`, as far as it is used here; `ram` as QEMU gives it. */
export interface MigrationAnswer {
  /** "none" before any migration. */
  readonly status: string;
  readonly totalMs: number | undefined;
  readonly downtimeMs: number | undefined;
  readonly setupMs: number | undefined;
  readonly expectedDowntimeMs: number | undefined;
  readonly throttlePercent: number | undefined;
  readonly error: string | undefined;
  readonly ram: Readonly<Record<string, number>> | undefined;
}

/** One window of `calc-dirty-rate`. */
export interface DirtyWindow {
  readonly windowSec: number;
  /** As QEMU says it: whole MiB a second, rounded down. */
  readonly mibPerSec: number;
  /** Distinct pages written in the window: the middle of what the figure can stand for. */
  readonly pages: number;
  readonly samplePagesPerGib: number;
}

/** From here on windows of less than a second can be asked for (`calc-time-unit`). */
const CALC_TIME_UNIT_SINCE = [8, 2] as const;
/** MIN_ and MAX_FETCH_DIRTYRATE_TIME of migration/dirtyrate.h. */
export const DIRTY_WINDOW_SEC = { least: 1, leastFine: 0.05, most: 60 } as const;
/** QEMU's default; each sample is a page that is hashed twice. */
const SAMPLE_PAGES_PER_GIB = 512;
/** Smaller memory is sampled more densely, up to MAX_SAMPLE_PAGE_COUNT: 4,096 take 10 ms of a CPU. */
const SAMPLES_WANTED = 4096;
const SAMPLE_PAGES_MAX = 16_384;
const POLL_MS = 50;
const MEASURE_GRACE_MS = 10_000;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const PAGE_BYTES = 4096;

/** Statuses of a migration that goes on (MigrationStatus of qapi/migration.json). */
const RUNNING = new Set([
  ...["setup", "active", "device", "pre-switchover", "wait-unplug", "cancelling", "colo"],
  ...["postcopy-active", "postcopy-device", "postcopy-paused", "postcopy-recover"],
  "postcopy-recover-setup",
]);

export function isMigrating({ status }: Pick<MigrationAnswer, "status">): boolean {
  return RUNNING.has(status);
}

export class QemuMonitor {
  constructor(readonly client: QmpClient) {}

  async facts(): Promise<QemuFacts> {
    const missing: string[] = [];
    const ask = async (command: string): Promise<unknown> => {
      try {
        return await this.client.execute(command);
      } catch (error) {
        if (!(error instanceof QmpCommandError)) throw error;
        missing.push(command);
        return undefined;
      }
    };
    const name = fieldsOf(await ask("query-name")).name;
    const { status } = fieldsOf(await ask("query-status"));
    const memory = fieldsOf(await ask("query-memory-size-summary"));
    const cpus = await ask("query-cpus-fast");
    const capabilities = await ask("query-migrate-capabilities");
    const parameters = fieldsOf(await ask("query-migrate-parameters"));
    const migration = await this.migration();
    const plugged = numberOf(memory, "plugged-memory") ?? 0;
    const memoryBytes = (numberOf(memory, "base-memory") ?? Number.NaN) + plugged;
    return {
      version: this.client.greeting,
      guest: typeof name === "string" ? plain(name) : undefined,
      status: plain(String(status ?? "unknown")),
      memoryBytes: Number.isNaN(memoryBytes) ? (migration.ram?.total ?? 0) : memoryBytes,
      vcpus: Array.isArray(cpus) ? cpus.length : undefined,
      capabilities: capabilitiesOf(capabilities),
      parameters,
      migration,
      missing,
    };
  }

  async migration(): Promise<MigrationAnswer> {
    return migrationAnswer(await this.client.execute("query-migrate"));
  }

  /**
   * Distinct pages written in a window, by QEMU's sampling: the modes of the dirty bitmap and ring end
   * QEMU 7.2 without KVM, and are never asked for.
   *
   * @throws PrecopyError `limit` for a window that this QEMU cannot measure
   */
  async dirtyWindow(
    windowSec: number,
    memoryBytes: number,
    signal?: AbortSignal,
  ): Promise<DirtyWindow> {
    const isFine = this.hasCalcTimeUnit();
    const { leastFine, least, most } = DIRTY_WINDOW_SEC;
    const shortest = isFine ? leastFine : least;
    const isPossible = windowSec >= shortest && windowSec <= most;
    if (!isPossible || (!isFine && !Number.isInteger(windowSec))) {
      const kind = isFine ? "" : "whole seconds, ";
      const what = `this QEMU measures dirty rates over ${kind}${shortest} to ${most} s`;
      throw new PrecopyError("limit", `${what}; the window is ${windowSec} s`);
    }
    const samplePagesPerGib = samplesFor(memoryBytes);
    await this.client.execute("calc-dirty-rate", {
      ...(isFine
        ? { "calc-time": Math.round(windowSec * 1000), "calc-time-unit": "millisecond" }
        : { "calc-time": windowSec }),
      "sample-pages": samplePagesPerGib,
      mode: "page-sampling",
    });
    const mibPerSec = await this.measured(windowSec, signal);
    // Rounded down: the middle of what it can have been. Nothing stays nothing.
    const middle = mibPerSec > 0 ? mibPerSec + 0.5 : 0;
    const pages = Math.round((middle * MIB * windowSec) / PAGE_BYTES);
    const pagesMax = Math.floor(memoryBytes / PAGE_BYTES);
    return { windowSec, mibPerSec, pages: Math.min(pages, pagesMax), samplePagesPerGib };
  }

  private async measured(windowSec: number, signal?: AbortSignal): Promise<number> {
    const tries = Math.ceil((windowSec * 1000 + MEASURE_GRACE_MS) / POLL_MS);
    for (let i = 0; i < tries; i++) {
      await pause(POLL_MS, signal);
      const answer = fieldsOf(await this.client.execute("query-dirty-rate"));
      const rate = numberOf(answer, "dirty-rate");
      if (answer.status === "measured") return rate ?? 0;
    }
    const late = `${MEASURE_GRACE_MS / 1000} s after the window of ${windowSec} s`;
    throw new PrecopyError("aborted", `QEMU has no dirty rate ${late}: measure again`);
  }

  private hasCalcTimeUnit(): boolean {
    const { major, minor } = this.client.greeting;
    const [sinceMajor, sinceMinor] = CALC_TIME_UNIT_SINCE;
    return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
  }
}

/** Rejects when the signal comes first. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      if (signal?.aborted === true) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

export function migrationAnswer(value: unknown): MigrationAnswer {
  const answer = fieldsOf(value);
  const ram = isObject(answer.ram) ? answer.ram : undefined;
  const counts = Object.entries(ram ?? {}).filter(([, count]) => typeof count === "number");
  const error = answer["error-desc"];
  return {
    status: typeof answer.status === "string" ? plain(answer.status) : "none",
    totalMs: numberOf(answer, "total-time"),
    downtimeMs: numberOf(answer, "downtime"),
    setupMs: numberOf(answer, "setup-time"),
    expectedDowntimeMs: numberOf(answer, "expected-downtime"),
    throttlePercent: numberOf(answer, "cpu-throttle-percentage"),
    error: typeof error === "string" ? plain(error) : undefined,
    ram: ram && (Object.fromEntries(counts) as Record<string, number>),
  };
}

function samplesFor(memoryBytes: number): number {
  const dense = Math.ceil((SAMPLES_WANTED * GIB) / Math.max(1, memoryBytes));
  return Math.min(SAMPLE_PAGES_MAX, Math.max(SAMPLE_PAGES_PER_GIB, dense));
}

function capabilitiesOf(list: unknown): Record<string, boolean> {
  const found: Record<string, boolean> = {};
  for (const one of Array.isArray(list) ? list : []) {
    if (isObject(one) && typeof one.capability === "string") {
      found[one.capability] = one.state === true;
    }
  }
  return found;
}

function fieldsOf(value: unknown): QmpObject {
  return isObject(value) ? value : {};
}

function numberOf(of: QmpObject, name: string): number | undefined {
  const value = of[name];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
