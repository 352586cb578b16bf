/**
 * What a log tells of one migration, whatever wrote it. Nothing is guessed: what the log does not
 * say is absent. Every figure carries the line that says it; a pass carries the lines it was read
 * from, because its figures are differences of counters.
 */
import type { LogFormat } from "./log-format.js";

/** A value and the line of the log, from 1, that says it. */
export interface Said<T> {
  readonly value: T;
  readonly line: number;
}

/** Who runs the guest in the end, as far as the log goes. */
export type ObservedOutcome = "completed" | "cancelled" | "failed" | "running";

/** A pass over what is owed; the figures of QEMU end when the dirty log is read again. */
export interface ObservedPass {
  /** From 1; `through` is larger where the log was not sampled often enough to part them. */
  readonly number: number;
  readonly through: number;
  readonly phase: "live" | "pause" | "post-copy";
  /** First and last line. */
  readonly lines: readonly [number, number];
  /** Since the migration began. */
  readonly startNs?: number;
  /** Until the log was read again: the window in which `dirtiedPages` were written. */
  readonly durationNs?: number;
  /** Of that, how long pages were sent, where the log tells it apart. */
  readonly sendingNs?: number;
  readonly sentPages?: number;
  readonly sentBytes?: number;
  readonly skippedPages?: number;
  /** Distinct pages written in this pass: what the next one owes anew. */
  readonly dirtiedPages?: number;
  readonly bandwidthBytesPerSec?: number;
  /** Known to be owed when the pass began, at the first look. */
  readonly owedBytes?: number;
  /** Least that was left to send when the log was about to be read again. */
  readonly leftBytes?: number;
  /** What auto-converge took from the guest, percent. */
  readonly throttlePercent?: number;
}

/** One look at the counters of a hypervisor that does not log its passes. */
export interface ObservedSample {
  readonly line: number;
  readonly status: string;
  readonly elapsedNs?: number;
  readonly transferredBytes?: number;
  readonly remainingBytes?: number;
  /** Normal, zero and XBZRLE pages so far. */
  readonly sentPages?: number;
  /** dirty-sync-count, iteration: 1 in the first pass. */
  readonly passes?: number;
  /** The hypervisor's own figure, of its last period of at least a second. */
  readonly dirtyPagesPerSec?: number;
  readonly bandwidthBytesPerSec?: number;
  readonly throttlePercent?: number;
  readonly expectedDowntimeNs?: number;
}

export interface ObservedTotals {
  readonly totalNs?: Said<number>;
  readonly setupNs?: Said<number>;
  readonly sentBytes?: Said<number>;
  readonly pauseBytes?: Said<number>;
  readonly postCopyBytes?: Said<number>;
  readonly postCopyRequests?: Said<number>;
  readonly zeroPages?: Said<number>;
  readonly dataPages?: Said<number>;
  /** Readings of the dirty log, or iterations, as the hypervisor counts them. */
  readonly passes?: Said<number>;
}

export interface ObservedDowntime {
  /** How long the guest stood still, as the log's writer sees it. */
  readonly realNs?: Said<number>;
  /** The hypervisor's last estimate. */
  readonly expectedNs?: Said<number>;
  readonly parts: readonly (Said<number> & { readonly name: string })[];
}

export interface ObservedSettings {
  readonly downtimeLimitNs?: Said<number>;
  readonly bandwidthBytesPerSec?: Said<number>;
  readonly xbzrleCacheBytes?: Said<number>;
  /** Capabilities that were on: xbzrle, auto-converge, postcopy-ram, multifd, ... */
  readonly techniques: readonly Said<string>[];
}

export interface ObservedMigration {
  readonly format: LogFormat;
  readonly file: string;
  /** Name of the preset (`policy/presets`) whose loop this hypervisor runs. */
  readonly preset: string;
  readonly guest?: Said<string>;
  readonly memoryBytes?: Said<number>;
  readonly pageBytes: number;
  readonly passes: readonly ObservedPass[];
  readonly samples: readonly ObservedSample[];
  readonly totals: ObservedTotals;
  readonly downtime: ObservedDowntime;
  readonly settings: ObservedSettings;
  readonly outcome: Said<ObservedOutcome>;
  /** In the log's own words. */
  readonly stopReason?: Said<string>;
  /** What this kind of log does not tell, or tells in a way that misleads. */
  readonly notes: readonly string[];
  /** Lines that were left out on request; the first of them with the problem. */
  readonly skipped: {
    readonly count: number;
    readonly first: readonly Said<string>[];
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** An {@link ObservedMigration} in the making. */
export interface Draft
  extends Omit<
    Writable<ObservedMigration>,
    "totals" | "downtime" | "settings" | "passes" | "samples" | "notes" | "skipped" | "file"
  > {
  passes: ObservedPass[];
  samples: ObservedSample[];
  totals: Writable<ObservedTotals>;
  downtime: Writable<Omit<ObservedDowntime, "parts">> & {
    parts: (Said<number> & { name: string })[];
  };
  settings: Writable<Omit<ObservedSettings, "techniques">> & { techniques: Said<string>[] };
  notes: string[];
}

export function newDraft(format: LogFormat, preset: string): Draft {
  return {
    format,
    preset,
    pageBytes: 4096,
    passes: [],
    samples: [],
    totals: {},
    downtime: { parts: [] },
    settings: { techniques: [] },
    outcome: { value: "running", line: 1 },
    notes: [],
  };
}
