/**
 * KubeVirt's metric `kubevirt_vmi_dirty_rate_bytes_per_second`: as virt-handler exposes it
 * (Prometheus' text format), as Prometheus' HTTP API answers a query (vector, or matrix over time),
 * or as a table `time,value` with a column a guest (Grafana's CSV). Guests are `namespace/name`.
 * Source: kubevirt pull request 13806: at each scrape virt-handler has one second measured by page
 * sampling, with QEMU's default of 512 pages per GiB, and multiplies libvirt's whole MiB/s by 2^20.
 */
import { parseRate } from "../../base/units.js";
import { isObject, type Json, jsonValues } from "../logs/json-values.js";
import type { LogSource } from "../logs/log-source.js";
import { stamped } from "../logs/values.js";
import { exposedSample, exposedValue, labelsOf } from "./prometheus-text.js";
import { DEFAULT_SAMPLE_PAGES, MIB, noteModes } from "./qemu-answers.js";
import type { RateDraft } from "./rate-draft.js";
import type { RateImporter } from "./rate-format.js";

const METRIC = "kubevirt_vmi_dirty_rate_bytes_per_second";
const WINDOW_SEC = 1;
const CSV_HEADER = /^\s*"?time(stamp)?"?\s*[,;\t]/i;

export const kubevirt: RateImporter = {
  name: "kubevirt",
  title: `KubeVirt's metric ${METRIC}: text format, HTTP API, CSV`,
  mark: new RegExp(`${METRIC}|"resultType"\\s*:|${CSV_HEADER.source}`, "i"),
  read(source, draft) {
    const reader = new MetricReader(draft);
    const first = source.lines.find((text) => text.trim() !== "") ?? "";
    if (/^\s*[[{]/.test(first)) {
      for (const { value, line } of jsonValues(source)) reader.answer(value, line);
    } else if (CSV_HEADER.test(first)) reader.table(source);
    else reader.exposed(source);
    reader.end();
  },
};

interface Sample {
  readonly line: number;
  readonly guest: string | undefined;
  readonly atSec: number | undefined;
  /** NaN where the series has a gap. */
  readonly bytesPerSec: number | undefined;
}

class MetricReader {
  private gaps = 0;
  private foreign = 0;
  private nameless = false;

  constructor(private readonly draft: RateDraft) {}

  /** A scrape, in which other metrics stand as well. */
  exposed(source: LogSource): void {
    for (const [text, line] of source.entries()) {
      if (text.trim() === "" || text.startsWith("#")) continue;
      const sample = exposedSample(text);
      if (sample === undefined) source.bad(line, "it is no line of Prometheus' text format");
      else if (sample.name !== METRIC) this.foreign++;
      else this.take({ line, guest: guestOf(sample.labels), ...sample });
    }
  }

  answer(value: unknown, line: number): void {
    const { source } = this.draft;
    if (!isObject(value)) return source.bad(line, "it is no JSON object");
    if (isObject(value.metric)) return this.series(value.metric, value, line);
    if (value.status === "error") return source.bad(line, "Prometheus answered with an error");
    const data = isObject(value.data) ? value.data : value;
    if (!Array.isArray(data.result)) return source.bad(line, "it has no result of a query");
    for (const one of data.result as readonly unknown[]) {
      if (isObject(one) && isObject(one.metric)) this.series(one.metric, one, line);
      else source.bad(line, "an entry of its result has no metric");
    }
  }

  private series(metric: Json, { value, values }: Json, line: number): void {
    const { source } = this.draft;
    const labels = new Map(
      Object.entries(metric).map(([name, label]): [string, string] => [name, String(label)]),
    );
    const name = labels.get("__name__");
    // max_over_time() and the like take the name away.
    if (name === undefined) this.nameless = true;
    else if (name !== METRIC) {
      this.foreign++;
      return;
    }
    const guest = guestOf(labels);
    for (const pair of Array.isArray(values) ? values : [value]) {
      const [at, text] = Array.isArray(pair) ? pair : [];
      const bytesPerSec = exposedValue(String(text));
      if (typeof at !== "number" || !(at >= 0)) source.bad(line, "a sample has no time and value");
      else this.take({ line, guest, atSec: at, bytesPerSec });
    }
  }

  table(source: LogSource): void {
    let columns: (string | undefined)[] | undefined;
    for (const [text, line] of source.entries()) {
      if (text.trim() === "") continue;
      const [time, ...cells] = cellsOf(text);
      if (columns === undefined) {
        columns = cells.map(columnGuest);
        continue;
      }
      const atSec = timeOf(time ?? "");
      if (cells.length !== columns.length) {
        source.bad(line, `it has ${cells.length + 1} columns, the header ${columns.length + 1}`);
      } else if (atSec === undefined) {
        source.bad(line, "its first column is no time: give Unix time or ISO 8601");
      } else {
        for (const [at, cell] of cells.entries()) {
          const bytesPerSec = cell === "" ? Number.NaN : cellRate(cell);
          this.take({ line, guest: columns[at], atSec, bytesPerSec });
        }
      }
    }
  }

  private take({ line, guest, atSec, bytesPerSec }: Sample): void {
    if (bytesPerSec === undefined) {
      this.draft.source.bad(line, "its value is no number of bytes a second");
    } else if (Number.isNaN(bytesPerSec)) this.gaps++;
    else {
      this.draft.add({
        line,
        ...(guest !== undefined && { guest }),
        windowSec: WINDOW_SEC,
        bytesPerSec,
        ...(atSec !== undefined && { atSec }),
        mode: "page-sampling",
        samplePagesPerGib: DEFAULT_SAMPLE_PAGES,
        resolutionBytesPerSec: MIB,
      });
    }
  }

  end(): void {
    const { draft, gaps, foreign, nameless } = this;
    if (draft.readings.length > 0) {
      draft.note("KubeVirt measures windows of one second: longer ones are not known");
    }
    if (nameless) draft.note(`series without a name are taken for ${METRIC}`);
    if (foreign > 0) draft.note(`samples or series of other metrics left out: ${foreign}`);
    if (gaps > 0) draft.note(`samples without a value left out: ${gaps}`);
    noteModes(draft);
  }
}

/** A scrape's own namespace is that of virt-handler, and then the guest's is "exported". */
function guestOf(labels: ReadonlyMap<string, string>): string | undefined {
  const name = labels.get("name");
  const namespace = labels.get("exported_namespace") ?? labels.get("namespace");
  if (name === undefined) return undefined;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** `metric{labels}`, `{labels}`, or what the person who made the table called it. */
function columnGuest(header: string): string | undefined {
  const at = header.indexOf("{");
  // Grafana writes blanks behind the commas.
  const labels = at < 0 ? undefined : labelsOf(header.slice(at));
  if (labels !== undefined) return guestOf(labels.labels);
  return /^(value|rate|dirty.?rate|kubevirt_\w+)?$/i.test(header) ? undefined : header;
}

/** Cells between commas, semicolons or tabs; quoted ones may contain them, and quotes doubled. */
function cellsOf(text: string): string[] {
  const cells: string[] = [];
  const cell = /(?: *"((?:[^"]|"")*)" *|([^,;\t"]*))(?:[,;\t]|$)/y;
  while (cell.lastIndex <= text.length) {
    const match = cell.exec(text);
    if (match === null) return [...cells, text];
    cells.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? "").trim());
    if (cell.lastIndex === text.length && !/[,;\t]$/.test(match[0])) break;
    if (match[0] === "") break;
  }
  return cells;
}

/** Later than 5138 in seconds: those are milliseconds. */
const MILLISECONDS_FROM = 1e11;

function timeOf(cell: string): number | undefined {
  const unix = exposedValue(cell);
  if (unix === undefined || Number.isNaN(unix)) return stamped(cell)?.atSec;
  return unix >= MILLISECONDS_FROM ? unix / 1000 : unix;
}

/** Bytes a second, or with a unit as Grafana shows it. */
function cellRate(cell: string): number | undefined {
  const bytes = exposedValue(cell);
  if (bytes !== undefined) return bytes;
  try {
    return parseRate(cell);
  } catch {
    return undefined;
  }
}
