/**
 * The rate of the link in the first pass of a recorded migration, from what was sampled meanwhile:
 * an outcome, used where a row says so. NaN where a recording has no such samples.
 */

type Row = readonly number[];

export interface FirstPass {
  readonly onLink: boolean;
  /** From the request to the second reading of the log. */
  readonly endMs: number;
  /** `query-migrate` again and again, and its columns. */
  readonly series: { readonly fields: readonly string[]; readonly rows: readonly Row[] };
  /** `migrate_transferred`: time, bytes. */
  readonly windows: readonly Row[];
}

/** Samples of the first 100 ms fill the sockets. */
const FILLED_MS = 100;

/**
 * On a link: over the stretches of the first pass in which no page of zeros went. Under QEMU's own
 * limit, which sends in bursts: over the windows of the first pass, the first and last apart.
 */
export function firstPassRate({ onLink, endMs, series, windows }: FirstPass): number {
  if (!onLink) return windowsRate(windows, endMs);
  const columns = ["t_ms", "transferred", "duplicate"].map((name) => series.fields.indexOf(name));
  const [at = -1, sent = -1, zeros = -1] = columns;
  const rows = series.rows.filter(
    (row) =>
      columns.every((column) => Number.isFinite(row[column])) &&
      (row[at] as number) > FILLED_MS &&
      (row[at] as number) < endMs,
  );
  let bytes = 0;
  let ms = 0;
  for (const [from, to] of longStretches(rows, zeros)) {
    const [first, last] = [rows[from] as Row, rows[to] as Row];
    bytes += (last[sent] as number) - (first[sent] as number);
    ms += (last[at] as number) - (first[at] as number);
  }
  return rateOf(bytes, ms);
}

/** Samples in a row without a page of zeros: the longest, and all that are half as long. */
function longStretches(rows: readonly Row[], zeros: number): [number, number][] {
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

function windowsRate(windows: readonly Row[], endMs: number): number {
  const mine = windows.filter(
    ([atMs, sent]) => Number.isFinite(atMs) && Number.isFinite(sent) && (atMs ?? 0) < endMs - 1,
  );
  let bytes = 0;
  for (const [, sent = 0] of mine.slice(1)) bytes += sent;
  return rateOf(bytes, (mine.at(-1)?.[0] ?? 0) - (mine[0]?.[0] ?? 0));
}

function rateOf(bytes: number, ms: number): number {
  const rate = (bytes / ms) * 1000;
  return rate > 0 && Number.isFinite(rate) ? rate : Number.NaN;
}
