/** Plain aligned text for people: columns without boxes, bars, numbers with their units. */
import { formatBytes, formatDuration } from "../base/units.js";

/** Columns are this far apart. */
const GAP = "  ";
/** Eighths of a cell, the empty one first. */
const EIGHTHS = " ▏▎▍▌▋▊▉";

export type Alignment = "left" | "right";

/**
 * Rows as lines with equally wide columns. A short row leaves its last columns empty; a column
 * without an alignment stands to the right. Nothing is left behind the last character of a line.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] as number;
        return alignments[at] === "left" ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(GAP)
      .trimEnd(),
  );
}

/** A bar of at most `cells` cells for a share of 0 to 1; anything above 0 shows. */
export function bar(share: number, cells: number): string {
  if (!(share > 0)) return "";
  const eighths = Math.max(1, Math.round(Math.min(1, share) * cells * 8));
  const rest = eighths % 8;
  return "█".repeat((eighths - rest) / 8) + (rest === 0 ? "" : (EIGHTHS[rest] as string));
}

/** 1048576 → "1,048,576", alike in every locale. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 page", "2 pages". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** 0.0142 → "1.42 %": three significant digits, none behind the point from 100 on. */
export function percent(share: number): string {
  const value = share * 100;
  const rounded = Number(value.toPrecision(3));
  return `${Math.abs(value) >= 100 ? rounded.toFixed(0) : rounded} %`;
}

/** Words in lines of at most `width` columns; a longer word gets a line of its own. */
export function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length > width && line !== "") {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  if (line !== "") lines.push(line);
  return lines;
}

/** What a number counts. */
export type Quantity = "duration" | "bytes" | "share";

/** One number with its unit. */
export function quantity(value: number, kind: Quantity): string {
  if (kind === "share") return percent(value);
  const rounded = Math.round(value);
  const text = (magnitude: number) =>
    kind === "duration" ? formatDuration(magnitude) : formatBytes(magnitude);
  return rounded < 0 ? `-${text(-rounded)}` : text(rounded);
}

/**
 * Several numbers in the unit that suits the first, which stands behind the last: mean and
 * deviation, or smallest and largest, are read side by side. As many decimals as give the first
 * three significant digits.
 */
export function inOneUnit(
  values: readonly number[],
  kind: Quantity,
): { texts: string[]; unit: string } {
  const lead = Math.abs(values[0] ?? 0);
  const [unit, factor] = unitFor(lead, kind);
  const digits = decimals(lead / factor);
  return { texts: values.map((value) => (value / factor).toFixed(digits)), unit };
}

function unitFor(lead: number, kind: Quantity): readonly [string, number] {
  const units = UNITS[kind];
  return units.find(([, factor]) => lead >= factor) ?? (units.at(-1) as readonly [string, number]);
}

function decimals(value: number): number {
  if (value >= 100) return 0;
  return value >= 10 ? 1 : 2;
}

/** Largest first. */
const UNITS: Readonly<Record<Quantity, readonly (readonly [string, number])[]>> = {
  duration: [
    ["s", 1e9],
    ["ms", 1e6],
    ["µs", 1e3],
    ["ns", 1],
  ],
  bytes: [
    ["TiB", 2 ** 40],
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
    ["B", 1],
  ],
  share: [["%", 0.01]],
};
