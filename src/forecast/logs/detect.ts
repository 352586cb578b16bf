/** Which of several formats a text has: that of which most lines bear the mark. */

/** Lines that are looked at to tell the format. */
const DETECTION_LINES = 20_000;
const DETECTION_LINE_CHARS = 4096;

export interface Marked<Name extends string> {
  readonly name: Name;
  /** A line that only this format has. */
  readonly mark: RegExp;
}

/** Undefined where no line has a mark; of equally many marks the first format counts. */
export function formatOf<Name extends string>(
  text: string,
  formats: readonly Marked<Name>[],
): Name | undefined {
  const lines = text.split(/\r\n|\n|\r/, DETECTION_LINES);
  let best: { name: Name; marks: number } | undefined;
  for (const { name, mark } of formats) {
    const marks = lines.filter((line) => mark.test(line.slice(0, DETECTION_LINE_CHARS))).length;
    if (marks > (best?.marks ?? 0)) best = { name, marks };
  }
  return best?.name;
}
