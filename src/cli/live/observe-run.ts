/**
 * One observation: connect, tell what is there, measure, forecast, watch, tell how it ended. QEMU is
 * only asked, unless the caller wished a start; what this did not start it never touches.
 */
import { existsSync } from "node:fs";
import { PrecopyError } from "../../base/errors.js";
import type { Forecast } from "../../forecast/index.js";
import {
  type MigrationSample,
  type RecordedMigration,
  type RunLabels,
  recordedDirtyRate,
  recordMigration,
} from "../../live/qemu/migration-recorder.js";
import {
  cancelMigration,
  type MigrationWishes,
  startMigration,
  startPostCopy,
} from "../../live/qemu/qemu-migration.js";
import {
  type DirtyWindow,
  isMigrating,
  pause,
  type QemuFacts,
  type QemuMonitor,
} from "../../live/qemu/qemu-monitor.js";
import {
  endText,
  factsText,
  forecastText,
  progressLine,
  windowText,
} from "../../report/observe-text.js";
import { readTextFile, writeTextFile } from "../files.js";
import { EXIT, Interrupted, type Session } from "../session.js";
import {
  forecastOf,
  linkOf,
  type ObservedForecast,
  type ObservedSettings,
} from "./observe-forecast.js";

export interface ObserveWishes {
  /** Empty: nothing is measured. */
  readonly windowsSec: readonly number[];
  readonly linkBytesPerSec: number | undefined;
  readonly zeroShare: number;
  readonly start: MigrationWishes | undefined;
  readonly postCopyAfterSyncs: number | undefined;
  readonly cancelOnInterrupt: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number | undefined;
  readonly record: string | undefined;
  readonly json: boolean;
}

/** Version of the form of `observe --json`. */
export const OBSERVE_SCHEMA_VERSION = 1;
const RUNS_LIMIT = { bytesMax: 2 ** 27, whose: "the limit of a file of runs: begin another" };
/** QEMU works out its dirty rate at a reading, a second or more after the last time. */
const PERIOD_SEC = 1;
const CANCEL_MS = 5_000;

/** The time that was given for looking is over; the migration is not. */
export class LookedLongEnough extends Error {}

export class Observation {
  private forecast: Forecast | undefined;
  private windows: DirtyWindow[] = [];
  /** Of the migration that this started; of one that ran before. */
  private startedMs: number | undefined;
  private sinceMs: number | undefined;
  private postCopyAsked = false;

  constructor(
    private readonly session: Session,
    private readonly monitor: QemuMonitor,
    private readonly wishes: ObserveWishes,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<void> {
    const facts = await this.monitor.facts();
    const { start, windowsSec } = this.wishes;
    this.tell({ event: "guest", schemaVersion: OBSERVE_SCHEMA_VERSION, ...factsJson(facts) }, () =>
      factsText(facts, this.session.palette),
    );
    const runs = isMigrating(facts.migration);
    if (runs && start !== undefined) {
      const what = `a migration runs already (${facts.migration.status}), none was started`;
      throw new PrecopyError("bad-input", `${what}: observe it without --start`);
    }
    // It may have ended by the next look.
    if (runs) this.sinceMs = Date.now() - (facts.migration.totalMs ?? 0);
    const settings = this.settingsOf(facts);
    if (!runs && windowsSec.length > 0) await this.measure(facts, settings);
    if (start !== undefined) await this.start(start);
    if (!runs && start === undefined) return;
    const run = await this.watch(facts, settings);
    await this.conclude(run);
  }

  /** What to say and do when the looking ends before the migration. */
  async leave(reason: unknown): Promise<void> {
    const isOurs = this.startedMs !== undefined;
    const left = !isOurs
      ? "nothing was changed at QEMU"
      : this.wishes.cancelOnInterrupt
        ? await this.cancel()
        : "the migration that was started goes on: virsh domjobabort GUEST, or migrate_cancel " +
          "over QMP, ends it";
    if (!(reason instanceof LookedLongEnough)) throw new Interrupted(`interrupted; ${left}`);
    this.session.note(`${reason.message}; ${left}`);
    this.session.endWith(EXIT.limitMissed);
  }

  private settingsOf({ version, memoryBytes, parameters, capabilities }: QemuFacts) {
    const { linkBytesPerSec, zeroShare, start, postCopyAfterSyncs } = this.wishes;
    const settings: ObservedSettings = {
      ...{ qemuMajor: version.major, memoryBytes, zeroShare, linkBytesPerSec },
      parameters: { ...parameters, ...start?.parameters },
      capabilities: { ...capabilities, ...start?.capabilities },
      ...(postCopyAfterSyncs !== undefined && { postCopyAfterSyncs }),
    };
    return settings;
  }

  private async measure(facts: QemuFacts, settings: ObservedSettings): Promise<void> {
    const { memoryBytes, status } = facts;
    if (status !== "running") {
      return this.session.note(`the guest is ${status} and writes nothing: not measured`);
    }
    for (const windowSec of this.wishes.windowsSec) {
      this.session.progress(() => `measuring what the guest writes in ${windowSec} s`);
      try {
        const window = await this.monitor.dirtyWindow(windowSec, memoryBytes, this.signal);
        this.windows.push(window);
        this.tell({ event: "dirty-window", ...window }, () => windowText(window));
      } catch (error) {
        if (!(error instanceof PrecopyError) || error.code === "aborted") throw error;
        this.session.note(`window of ${windowSec} s: ${error.message}`);
      }
    }
    if (this.windows.length === 0) return;
    this.tellForecast(forecastOf(settings, this.windows));
  }

  private tellForecast({ forecast, words }: ObservedForecast): void {
    this.forecast = forecast;
    this.tell({ event: "forecast", forecast: forecast ?? null, words }, () =>
      forecastText(forecast, words),
    );
  }

  private async start(wishes: MigrationWishes): Promise<void> {
    this.signal.throwIfAborted();
    this.startedMs = await startMigration(this.monitor.client, wishes);
    const { uri } = wishes;
    this.tell({ event: "started", uri }, () => `started    to ${uri}\n`);
  }

  private async watch(facts: QemuFacts, settings: ObservedSettings): Promise<RecordedMigration> {
    const { wishes, signal } = this;
    const startedMs = this.startedMs ?? this.sinceMs;
    return recordMigration(this.monitor.client, {
      labels: labelsOf(facts, settings, this.windows),
      intervalMs: wishes.intervalMs,
      signal,
      ...(startedMs !== undefined && { startedMs }),
      onSample: (sample) => this.looked(sample, settings),
    });
  }

  private async looked(sample: MigrationSample, settings: ObservedSettings): Promise<void> {
    const { client } = this.monitor;
    if (this.wishes.json) this.tell({ event: "sample", ...sample }, () => "");
    const { dirtyPagesPerSec: pages, syncs, status } = sample;
    // One that ran before we came: QEMU's own count is the window.
    if (this.startedMs === undefined && this.forecast === undefined && pages > 0) {
      // At first over the whole first pass, then over periods of a second or somewhat more.
      const windowSec = Math.max(PERIOD_SEC, syncs === 2 ? sample.atMs / 1000 : 0);
      const point = { windowSec, pages: pages * windowSec };
      this.tellForecast(forecastOf({ ...settings, ...measuredLink(sample, settings) }, [point]));
    }
    const { postCopyAfterSyncs: after = Number.POSITIVE_INFINITY } = this.wishes;
    if (this.startedMs !== undefined && status === "active" && syncs >= after) {
      if (!this.postCopyAsked) await startPostCopy(client);
      this.postCopyAsked = true;
    }
    this.session.progress(() => progressLine(sample, this.forecast));
  }

  private async conclude(run: RecordedMigration): Promise<void> {
    const { record } = this.wishes;
    const { series, ...summary } = run;
    const ended = { event: "ended", samples: series.rows.length, run: summary };
    this.tell({ ...ended, forecast: this.forecast ?? null }, () =>
      endText(run, this.forecast, this.session.palette),
    );
    if (record !== undefined) await appendRun(record, run);
    if (run.outcome === "completed") return;
    const why = run.error === undefined ? "" : `: ${run.error}`;
    const how = run.outcome === "unknown" ? "QEMU has gone before it ended" : run.outcome;
    this.session.note(`the migration did not complete (${how})${why}`);
    this.session.endWith(EXIT.aborted);
  }

  private async cancel(): Promise<string> {
    const { client } = this.monitor;
    await cancelMigration(client);
    for (let ms = 0; ms < CANCEL_MS; ms += this.wishes.intervalMs) {
      const { status } = await this.monitor.migration();
      if (!isMigrating({ status })) return `the migration that was started is ${status}`;
      await pause(this.wishes.intervalMs);
    }
    return "the migration that was started is being cancelled";
  }

  private tell(line: object, text: () => string): void {
    this.session.print(this.wishes.json ? `${JSON.stringify(line)}\n` : text());
  }
}

/** Nobody named the link, and it shows: what it carries now is below QEMU's limit. */
function measuredLink(
  { bandwidthBytesPerSec }: MigrationSample,
  settings: ObservedSettings,
): { linkBytesPerSec?: number } {
  if (settings.linkBytesPerSec !== undefined || bandwidthBytesPerSec < 1000) return {};
  const { linkBytesPerSec = Number.POSITIVE_INFINITY } = linkOf(settings);
  return { linkBytesPerSec: Math.min(bandwidthBytesPerSec, linkBytesPerSec) };
}

function factsJson(facts: QemuFacts): object {
  const { capabilities } = facts;
  const on = Object.keys(capabilities).filter((name) => capabilities[name] === true);
  return { ...facts, capabilities: on };
}

const MIB = 2 ** 20;

function labelsOf(
  { guest, memoryBytes, vcpus }: QemuFacts,
  settings: ObservedSettings,
  windows: readonly DirtyWindow[],
): RunLabels {
  const { parameters, capabilities, postCopyAfterSyncs: pass } = settings;
  const { linkBytesPerSec = 0, maxBandwidthBytesPerSec: limit } = linkOf(settings);
  const isLink = linkBytesPerSec < limit;
  return {
    id: `${guest ?? "guest"}-${new Date().toISOString()}`,
    family: "observed",
    guest: {
      kind: "qemu",
      mem_mb: Math.round(memoryBytes / MIB),
      vcpus: vcpus ?? null,
      zero_share: settings.zeroShare,
      workload: { name: guest ?? "guest" },
    },
    net: {
      kind: isLink ? "link" : "max-bandwidth",
      bytes_per_s: isLink ? linkBytesPerSec : limit,
      transport: null,
    },
    params: Object.fromEntries(
      Object.entries(parameters).filter(([, value]) => typeof value !== "object"),
    ),
    caps: capabilities,
    postcopy_after: pass === undefined ? null : { pass, ms: 1e9 },
    calc_dirty_rate: windows.map(recordedDirtyRate),
  };
}

/** The file with one line more, whole or as it was. */
async function appendRun(path: string, run: RecordedMigration): Promise<void> {
  const before = existsSync(path) ? await readTextFile(path, RUNS_LIMIT) : "";
  const gap = before === "" || before.endsWith("\n") ? "" : "\n";
  await writeTextFile(path, `${before}${gap}${JSON.stringify(run)}\n`);
}
