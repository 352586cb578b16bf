/**
 * Lines of Prometheus' text exposition format, version 0.0.4, and of OpenMetrics: `name{labels}
 * value timestamp`, the timestamp in milliseconds or, with decimals, in seconds.
 */

export interface ExposedSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  /** NaN is a value; undefined: it is no number, or infinite. */
  readonly bytesPerSec: number | undefined;
  readonly atSec: number | undefined;
}

/** Value, timestamp and, in OpenMetrics, an exemplar. */
const SAMPLE = /^\s*(\S+)(?:\s+(\d{1,16})(\.\d{1,9})?)?(?:\s+#.*)?$/;

export function exposedSample(text: string): ExposedSample | undefined {
  const line = text.trim();
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
  if (name === undefined) return undefined;
  const found = line[name.length] === "{" ? labelsOf(line.slice(name.length)) : NO_LABELS;
  if (found === undefined) return undefined;
  const rest = line.slice(name.length + found.length);
  // Without labels it is the blank that ends the name.
  const match = found.length === 0 && !/^\s/.test(rest) ? null : SAMPLE.exec(rest);
  if (match === null) return undefined;
  const [, value, whole, fraction] = match as unknown as [string, string, string?, string?];
  const atSec =
    whole === undefined
      ? undefined
      : fraction === undefined
        ? Number(whole) / 1000
        : Number(whole + fraction);
  return { name, labels: found.labels, bytesPerSec: exposedValue(value), atSec };
}

interface FoundLabels {
  readonly labels: ReadonlyMap<string, string>;
  /** Characters with both braces. */
  readonly length: number;
}

const NO_LABELS: FoundLabels = { labels: new Map(), length: 0 };
const ESCAPES: Readonly<Record<string, string>> = { "\\n": "\n" };

/** From `{` to its `}`; undefined where they do not end, or are none. */
export function labelsOf(text: string): FoundLabels | undefined {
  const labels = new Map<string, string>();
  const label = /\s*([a-zA-Z_][a-zA-Z0-9_.]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/y;
  let at = 1;
  for (;;) {
    label.lastIndex = at;
    const match = label.exec(text);
    if (match === null) break;
    const value = (match[2] as string).replace(/\\./g, (two) => ESCAPES[two] ?? two.slice(1));
    labels.set(match[1] as string, value);
    at = label.lastIndex;
  }
  const end = /\s*\}/y;
  end.lastIndex = at;
  return end.test(text) ? { labels, length: end.lastIndex } : undefined;
}

/** A number of 0 or more, or NaN. */
export function exposedValue(text: string): number | undefined {
  if (text === "NaN") return Number.NaN;
  if (!/^\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
