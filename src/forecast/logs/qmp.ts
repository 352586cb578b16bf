/**
 * QMP `query-migrate`: one answer, answers a line or pretty-printed one after the other, a list of
 * them, or a recorded run with its `series`. Events (STOP, RESUME), the greeting and the answers of
 * `query-migrate-parameters` and `-capabilities` are read where they stand beside them. Source:
 * QEMU qapi/migration.json; trap: `completed` may come with `total-time` absent or 0 for some
 * milliseconds, since the status is set before migration_calculate_complete().
 */
import { isObject, type Json, jsonValues } from "./json-values.js";
import type { LogImporter } from "./log-format.js";
import type { LogSource } from "./log-source.js";
import { type Draft, newDraft, type ObservedSample, type Said } from "./observed-migration.js";
import { addSampledPasses } from "./pass-series.js";
import { nsOfMs } from "./values.js";

export const qmp: LogImporter = {
  name: "qmp",
  title: "QMP query-migrate: one JSON answer, several, or a recorded run with its series",
  mark: /"(dirty-sync-count|dirty_sync_count|expected-downtime|downtime-limit|total-time)"|"return"\s*:|"QMP"\s*:/,
  read(source) {
    const draft = newDraft("qmp", "qemu72");
    const reader = new QmpReader(draft, source);
    for (const { value, line } of jsonValues(source)) reader.take(value, line);
    if (!reader.found) {
      source.refuse("bad-input", "no answer of query-migrate is in this JSON: it has no status");
    }
    addSampledPasses(draft, source);
    return draft;
  },
};

class QmpReader {
  found = false;
  private stopSec: number | undefined;

  constructor(
    private readonly draft: Draft,
    private readonly source: LogSource,
  ) {}

  take(value: unknown, line: number): void {
    if (!isObject(value)) return this.source.bad(line, "it is no JSON object");
    if (isObject(value.reported) && isObject(value.series)) return this.run(value, line);
    if (typeof value.event === "string") return this.event(value, line);
    if (isObject(value.QMP)) return this.greeting(value.QMP);
    const answer = "return" in value ? value.return : value;
    if (Array.isArray(answer)) return this.capabilities(answer, line);
    if (!isObject(answer)) return this.source.bad(line, "it answers no question about a migration");
    if ("downtime-limit" in answer) return this.parameters(answer, line);
    if ("status" in answer) return this.answer(answer, line);
    // `{"return": {}}` answers commands, and query-migrate before any migration.
    if (Object.keys(answer).length > 0 && !("error" in value)) {
      this.source.bad(line, "it answers no question about a migration");
    }
  }

  private answer(answer: Json, line: number): void {
    const status = String(answer.status);
    const ram = isObject(answer.ram) ? answer.ram : {};
    const xbzrle = isObject(answer["xbzrle-cache"]) ? answer["xbzrle-cache"] : {};
    const get = (object: Json, key: string) => this.number(object, key, line);
    const elapsedNs = nsOfMs(get(answer, "total-time"));
    const counted = [get(ram, "normal"), get(ram, "duplicate"), get(xbzrle, "pages") ?? 0];
    const rate = get(ram, "dirty-pages-rate");
    const mbps = get(ram, "mbps");
    const sample = drop<ObservedSample>({
      line,
      status,
      elapsedNs: elapsedNs === 0 && status === "completed" ? undefined : elapsedNs,
      transferredBytes: get(ram, "transferred"),
      remainingBytes: get(ram, "remaining"),
      sentPages: sum(counted),
      passes: get(ram, "dirty-sync-count"),
      dirtyPagesPerSec: rate === 0 ? undefined : rate,
      bandwidthBytesPerSec: mbps === undefined || mbps <= 0 ? undefined : (mbps * 1e6) / 8,
      throttlePercent: get(answer, "cpu-throttle-percentage"),
      expectedDowntimeNs: nsOfMs(get(answer, "expected-downtime")),
    });
    this.found = true;
    this.draft.samples.push(sample);
    this.outcome(status, line);
    this.totals(answer, ram, line);
    if (typeof answer["error-desc"] === "string") {
      this.draft.stopReason = { value: answer["error-desc"], line };
    }
  }

  private totals(answer: Json, ram: Json, line: number): void {
    const { draft } = this;
    const said = (value: number | undefined): Said<number> | undefined =>
      value === undefined ? undefined : { value, line };
    const totalMs = this.number(answer, "total-time", line);
    Object.assign(
      draft.totals,
      drop({
        totalNs: totalMs === 0 ? undefined : said(nsOfMs(totalMs)),
        setupNs: said(nsOfMs(this.number(answer, "setup-time", line))),
        sentBytes: said(this.number(ram, "transferred", line)),
        zeroPages: said(this.number(ram, "duplicate", line)),
        dataPages: said(this.number(ram, "normal", line)),
        passes: said(this.number(ram, "dirty-sync-count", line)),
        pauseBytes: positive(said(this.number(ram, "downtime-bytes", line))),
        postCopyBytes: positive(said(this.number(ram, "postcopy-bytes", line))),
        postCopyRequests: positive(said(this.number(ram, "postcopy-requests", line))),
      }),
    );
    const expectedNs = said(nsOfMs(this.number(answer, "expected-downtime", line)));
    const realNs = said(nsOfMs(this.number(answer, "downtime", line)));
    if (expectedNs !== undefined) draft.downtime.expectedNs = expectedNs;
    if (realNs !== undefined) draft.downtime.realNs = realNs;
    const total = this.number(ram, "total", line);
    if (total !== undefined && total > 0) draft.memoryBytes ??= { value: total, line };
    const pageBytes = this.number(ram, "page-size", line);
    if (pageBytes !== undefined && pageBytes > 0) draft.pageBytes = pageBytes;
  }

  private outcome(status: string, line: number): void {
    const value =
      status === "completed" || status === "failed"
        ? status
        : status.startsWith("cancel")
          ? "cancelled"
          : "running";
    if (this.draft.outcome.value !== value) this.draft.outcome = { value, line };
  }

  private parameters(answer: Json, line: number): void {
    const { settings } = this.draft;
    const limitNs = nsOfMs(this.number(answer, "downtime-limit", line));
    if (limitNs !== undefined) settings.downtimeLimitNs = { value: limitNs, line };
    const bandwidth = this.number(answer, "max-bandwidth", line);
    if (bandwidth !== undefined && bandwidth > 0) {
      settings.bandwidthBytesPerSec = { value: bandwidth, line };
    }
    const cache = this.number(answer, "xbzrle-cache-size", line);
    if (cache !== undefined) settings.xbzrleCacheBytes = { value: cache, line };
  }

  private capabilities(list: readonly unknown[], line: number): void {
    for (const one of list) {
      if (!isObject(one) || typeof one.capability !== "string") continue;
      if (one.state === true) this.draft.settings.techniques.push({ value: one.capability, line });
    }
  }

  private greeting(greeting: Json): void {
    const version = isObject(greeting.version) ? greeting.version : {};
    const major = isObject(version.qemu) ? version.qemu.major : undefined;
    if (typeof major === "number" && major >= 8) this.draft.preset = "qemu102";
  }

  /** STOP and RESUME on the source; the target's RESUME stands in the target's log. */
  private event({ event, timestamp }: Json, line: number): void {
    if (!isObject(timestamp)) return;
    const seconds = this.number(timestamp, "seconds", line);
    const micros = this.number(timestamp, "microseconds", line);
    if (seconds === undefined || micros === undefined) return;
    const atSec = seconds + micros / 1e6;
    if (event === "STOP") this.stopSec = atSec;
    if (event !== "RESUME" || this.stopSec === undefined || atSec < this.stopSec) return;
    const value = Math.round((atSec - this.stopSec) * 1e9);
    this.draft.downtime.parts.push({ name: "from STOP to RESUME", value, line });
  }

  /** A row of the data set of real QEMU migrations: settings, series and the final answer. */
  private run(run: Json, line: number): void {
    const { draft } = this;
    if (this.found) return this.source.bad(line, "a second run: give one at a time");
    if (isObject(run.params)) this.parameters(run.params, line);
    for (const [capability, state] of Object.entries(isObject(run.caps) ? run.caps : {})) {
      if (state === true) draft.settings.techniques.push({ value: capability, line });
    }
    if (typeof run.id === "string") draft.guest = { value: run.id, line };
    const { fields, rows } = run.series as Json;
    if (!Array.isArray(fields) || !Array.isArray(rows)) {
      return this.source.bad(line, "its series has no fields and rows");
    }
    const xbzrleOn = draft.settings.techniques.some(({ value }) => value === "xbzrle");
    for (const row of rows) this.seriesRow(fields, row, { line, xbzrleOn });
    const reported = run.reported as Json;
    const ram = isObject(reported.ram) ? reported.ram : {};
    const { found } = this;
    this.totals(
      {
        "total-time": reported.total_time_ms,
        downtime: reported.downtime_ms,
        "setup-time": reported.setup_time_ms,
      },
      ram,
      line,
    );
    if (typeof run.outcome === "string" && run.outcome.startsWith("cancelled")) {
      draft.outcome = { value: "cancelled", line };
      draft.stopReason = { value: run.outcome, line };
    }
    if (!found) this.source.bad(line, "its series is empty");
  }

  private seriesRow(
    fields: readonly unknown[],
    row: unknown,
    { line, xbzrleOn }: { line: number; xbzrleOn: boolean },
  ): void {
    const values = Array.isArray(row) ? row : [];
    const of = (name: string) => values[fields.indexOf(name)];
    const status = of("status");
    if (typeof status !== "string")
      return this.source.bad(line, "a row of its series has no status");
    const number = (name: string) => {
      const value = of(name);
      return typeof value === "number" && value >= 0 ? value : undefined;
    };
    const mbps = number("mbps") ?? 0;
    const rate = number("dirty_pages_rate") ?? 0;
    this.found = true;
    this.outcome(status, line);
    this.draft.samples.push(
      drop<ObservedSample>({
        line,
        status,
        elapsedNs: nsOfMs(number("t_ms")),
        transferredBytes: number("transferred"),
        remainingBytes: number("remaining"),
        // The series does not count pages that went as XBZRLE deltas.
        sentPages: xbzrleOn ? undefined : sum([number("normal"), number("duplicate")]),
        passes: number("dirty_sync_count"),
        dirtyPagesPerSec: rate > 0 ? rate : undefined,
        bandwidthBytesPerSec: mbps > 0 ? (mbps * 1e6) / 8 : undefined,
        throttlePercent: number("cpu_throttle_pct"),
        expectedDowntimeNs: nsOfMs(number("expected_downtime")),
      }),
    );
  }

  /** A count or measure of 0 or more; anything else where a number should be is a bad line. */
  private number(object: Json, key: string, line: number): number | undefined {
    const value = object[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
    // QEMU answers -1 and NaN where it does not know.
    if (value !== -1)
      this.source.bad(line, `${key} is ${JSON.stringify(value)}, no number of 0 to 2^53`);
    return undefined;
  }
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  let total = 0;
  for (const value of values) {
    if (value === undefined) return undefined;
    total += value;
  }
  return total;
}

function positive(said: Said<number> | undefined): Said<number> | undefined {
  return said === undefined || said.value === 0 ? undefined : said;
}

/** The object without what is undefined. */
function drop<T extends object>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as unknown as T;
}
