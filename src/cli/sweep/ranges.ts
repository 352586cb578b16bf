/** `--over NAME=VALUES`: lists, and ranges with units in equal steps or equal factors. */
import { PrecopyError } from "../../base/errors.js";
import { quantityOf, type WrittenQuantity } from "../../scenario/quantity.js";

/** Values of one parameter. */
export const LEVELS_MAX = 1000;
/** Longest name, and longest single value. */
const TEXT_MAX = 200;

export interface Over {
  readonly name: string;
  /** As they would be written in a scenario or a strategy's name; none twice. */
  readonly values: readonly string[];
}

/** "link.bandwidth=100Mbit/s,1Gbit/s", "tau=100ms..1s:4" or "guest.memory=1GiB..8GiB:x2". */
export function parseOver(text: string): Over {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(0, at)).trim();
  if (at < 0 || !/^[A-Za-z][\w.-]*$/.test(name) || name.length > TEXT_MAX) {
    throw wrong(text, "write NAME=VALUES, as in guest.memory=256MiB,512MiB or tau=100ms..1s:4");
  }
  const values: string[] = [];
  for (const part of text.slice(at + 1).split(",")) {
    const piece = part.trim();
    if (piece === "" || piece.length > TEXT_MAX) {
      throw wrong(text, `a value is ${piece === "" ? "missing" : "too long"}`);
    }
    values.push(...expand(piece));
    if (values.length > LEVELS_MAX) {
      throw wrong(text, `it has more than ${LEVELS_MAX} values: take larger steps`, "limit");
    }
  }
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw wrong(text, `${twice} is in it twice: leave one out`);
  return { name, values };
}

/** A range as its values; anything else as itself. */
function expand(piece: string): string[] {
  const match = /^(.+?)\.\.(.+?)(?::(x?)([^:]*))?$/.exec(piece);
  const from = match === null ? undefined : quantityOf(match[1] as string);
  const to = match === null ? undefined : quantityOf(match[2] as string);
  // A path such as ../traces/a.gz has dots as well.
  if (match === null || from === undefined || to === undefined) return [piece];
  if (from.kind !== to.kind) throw wrong(piece, "its ends are not of one kind");
  if (!(from.value < to.value)) throw wrong(piece, "it must go from the smaller to the larger");
  const [, , , times, text = ""] = match;
  const step = Number(text);
  if (times === "x") {
    if (!/^\d+(\.\d+)?$/.test(text) || !(step > 1)) {
      throw wrong(piece, "write the factor above 1 behind the x, as in 1GiB..8GiB:x2");
    }
    if (from.value <= 0) throw wrong(piece, "a range by factors begins above 0");
    return geometric(from, to.value, step);
  }
  if (!/^\d+$/.test(text) || !(step >= 2 && step <= LEVELS_MAX)) {
    const how = "as in 1GiB..8GiB:4 (4 values in equal steps) or 1GiB..8GiB:x2 (times 2)";
    throw wrong(piece, `write how many values, 2 to ${LEVELS_MAX}, ${how}`);
  }
  const width = (to.value - from.value) / (step - 1);
  return Array.from({ length: step }, (_, i) => written(from.value + i * width, from));
}

function geometric(from: WrittenQuantity, end: number, factor: number): string[] {
  const values: string[] = [];
  // The end belongs to it even when products come out a little above.
  for (let value = from.value; value <= end * (1 + 1e-9); value *= factor) {
    if (values.length >= LEVELS_MAX) {
      throw wrong(`…:x${factor}`, `it has more than ${LEVELS_MAX} values`, "limit");
    }
    values.push(written(value, from));
  }
  return values;
}

/** A value in the unit of the range's beginning; twelve digits tell any two values apart. */
function written(value: number, { unit }: WrittenQuantity): string {
  const one = unit === "" ? 1 : (quantityOf(`1${unit}`)?.value ?? 1);
  const number = Number((value / one).toPrecision(12));
  const text = /e/.test(String(number)) ? number.toFixed(12).replace(/\.?0+$/, "") : String(number);
  return `${text}${unit}`;
}

function wrong(text: string, problem: string, code: "bad-input" | "limit" = "bad-input") {
  return new PrecopyError(code, `--over "${text.slice(0, TEXT_MAX)}": ${problem}`);
}
