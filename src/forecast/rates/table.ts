/**
 * Dirty rates written by hand: a window and a rate a line, with units (`1s 120MiB/s`), as CSV with a
 * header whose units may stand in brackets (`window (s),rate (MiB/s)`), or several with equal signs,
 * as on a command line (`1s=120MiB/s,5s=20000pages`). A rate may be pages in the window, or pages a
 * second.
 */
import { PrecopyError } from "../../base/errors.js";
import { NS_PER_SEC, PAGE_SIZE_BYTES, parseDuration, parseRate } from "../../base/units.js";
import type { DirtyRateReading } from "./dirty-rates.js";
import { outOfRange, type RateDraft, wholeReading } from "./rate-draft.js";
import type { RateImporter } from "./rate-format.js";

const WINDOW = "\\d[\\d.]{0,20}\\s{0,3}(?:ns|us|µs|ms|s|min|h)";
const RATE = "\\d[\\d.]{0,20}\\s{0,3}(?:[kKMGT]i?(?:B|bit)\\/s|B\\/s|bit\\/s|pages)";
const PAIR = `^\\s{0,20}"?${WINDOW}"?\\s{0,20}[=,;:\\s]\\s{0,20}"?${RATE}`;
const HEADER = /^\s{0,20}"?window\b/i;

export const table: RateImporter = {
  name: "table",
  title: 'a window and a rate a line ("1s 120MiB/s", "5s 20000pages"), or CSV with a header',
  mark: new RegExp(`${PAIR}|${HEADER.source}`, "i"),
  read(source, draft) {
    let units: Units = {};
    for (const [raw, line] of source.entries()) {
      const text = raw.trim();
      if (text === "" || text.startsWith("#")) continue;
      if (HEADER.test(text)) units = unitsOf(text);
      else for (const pair of pairsOf(text)) takePair(pair, { line, units, draft });
    }
  },
};

/**
 * `1s=120MiB/s,5s=20000pages`, as on a command line.
 *
 * @throws PrecopyError for the first pair that is no window and rate
 */
export function parseRateReadings(text: string): DirtyRateReading[] {
  return pairsOf(text).map((pair) => {
    const measured = { ...ratePair(pair, {}), line: 1 };
    const problem = outOfRange(measured.windowSec, measured.bytesPerSec);
    if (problem !== undefined)
      throw new PrecopyError("bad-input", `"${pair.join("=")}": ${problem}`);
    return wholeReading(measured);
  });
}

function takePair(
  pair: readonly string[],
  { line, units, draft }: { line: number; units: Units; draft: RateDraft },
): void {
  try {
    draft.add({ ...ratePair(pair, units), line });
  } catch (error) {
    if (!(error instanceof PrecopyError) || error.place.line !== undefined) throw error;
    draft.source.bad(line, error.message);
    return;
  }
  if (/\d\s*MB\/s$/.test(pair[1] ?? "")) {
    draft.note("MB/s are 10^6 bytes a second: what QEMU and virsh call so is written MiB/s");
  }
}

/** @throws PrecopyError, without a place, if it is none */
function ratePair(
  pair: readonly string[],
  units: Units,
): Pick<DirtyRateReading, "windowSec" | "bytesPerSec"> {
  const [window, rate] = pair;
  if (window === undefined || rate === undefined || pair.length > 2) {
    const what = `"${pair.join("=").slice(0, 60)}" is no window and rate: write as in 1s=120MiB/s`;
    throw new PrecopyError("bad-input", what);
  }
  const windowSec = parseDuration(withUnit(window, units.window)) / NS_PER_SEC;
  const withItsUnit = withUnit(rate, units.rate);
  const pages = /^(\d{1,16}(?:\.\d{1,9})?)\s*pages(\/s)?$/.exec(withItsUnit);
  if (pages === null) return { windowSec, bytesPerSec: parseRate(withItsUnit) };
  const perSec = pages[2] === undefined ? windowSec : 1;
  return { windowSec, bytesPerSec: (Number(pages[1]) * PAGE_SIZE_BYTES) / perSec };
}

/** Of numbers that have none of their own. */
interface Units {
  readonly window?: string | undefined;
  readonly rate?: string | undefined;
}

function unitsOf(header: string): Units {
  const [window, rate] = cellsOf(header);
  const inBrackets = (cell = "") => /[([]\s{0,3}([^)\]]{1,20}?)\s{0,3}[)\]]/.exec(cell)?.[1];
  return {
    window: inBrackets(window),
    rate: inBrackets(rate) ?? (/^pages$/i.test(rate ?? "") ? "pages" : undefined),
  };
}

const withUnit = (text: string, unit: string | undefined) =>
  unit !== undefined && /^[\d.]+$/.test(text) ? text + unit : text;

function pairsOf(text: string): string[][] {
  if (text.includes("=")) {
    const pairs = text.split(/[,;]/).filter((pair) => pair.trim() !== "");
    return pairs.map((pair) => pair.split("=").map((part) => part.trim()));
  }
  const cells = cellsOf(text);
  if (cells.length > 1) return [cells];
  const match = new RegExp(`^(${WINDOW}|\\S+?)\\s*:?\\s+(\\S.*)$`).exec(cells[0] ?? "");
  return [match === null ? cells : [match[1] as string, (match[2] as string).trim()]];
}

const cellsOf = (text: string) =>
  text.split(/[,;\t]/).map((cell) =>
    cell
      .trim()
      .replace(/^"(.*)"$/, "$1")
      .trim(),
  );
