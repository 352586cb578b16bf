/** The judge of a guest's serial output agrees with the parser of the whole text, however it is cut. */
import { describe, expect, it } from "vitest";
import { parseTinyReports } from "../../src/live/guests/tiny-reports.js";
import { SerialJudge } from "../../src/web/serial-judge.js";

const START = "tiny start pattern=uniform pages=1000 memory=33554432\n";
const line = (n: number, bad = 0) =>
  `tiny n=${`${n}`.padStart(6, "0")} ms=${n * 50} writes=${n * 100} scans=0 bad=${bad}\n`;
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => line(from + i)).join("");

function judged(text: string, chunk: number): SerialJudge {
  const judge = new SerialJudge();
  for (let at = 0; at < text.length; at += chunk) judge.add(text.slice(at, at + chunk));
  return judge;
}

const CASES: readonly [string, string][] = [
  ["whole", START + lines(1, 40)],
  ["from the middle of a line", lines(7, 30).slice(11)],
  ["with an answer", `${lines(1, 9)}tiny pong 65\n${lines(10, 20)}`],
  ["a gap", lines(1, 9) + lines(12, 20)],
  ["a repeat", lines(1, 9) + lines(9, 20)],
  ["a bad page", lines(1, 9) + line(10, 1) + line(11, 1)],
  ["an error", `${lines(1, 9)}tiny error: more pages than memory\n${lines(10, 12)}`],
  ["a second start", START + lines(1, 9) + START + lines(1, 3)],
  ["an unfinished end", `${lines(1, 9)}tiny n=0000`],
];

describe("the serial judge", () => {
  for (const [what, text] of CASES) {
    it.each([1, 7, 64, 10_000])(
      `sees in ${what} what the parser sees, by %i characters`,
      (chunk) => {
        const whole = parseTinyReports(text);
        const judge = judged(text, chunk);
        expect(judge.sound).toBe(whole.sound);
        expect(judge.reports).toBe(whole.reports.length);
        expect(judge.missing).toBe(whole.missing.length);
        expect(judge.repeated).toBe(whole.repeated.length);
        expect(judge.wrongLines).toBe(whole.wrongLines.length);
        expect(judge.last).toEqual(whole.reports.at(-1));
      },
    );
  }

  it("says nothing against a guest that has not said anything", () => {
    expect(new SerialJudge()).toMatchObject({ sound: true, reports: 0, last: undefined });
  });
});
