/** The judge of the tiny guest's serial text sees each kind of fault, and no other. */
import { describe, expect, it } from "vitest";
import { parseReports, parseTinyReports } from "../../../src/live/guests/tiny-reports.js";

const START = "tiny start pattern=uniform pages=10 memory=16777216\n";
const report = (n: number, bad = 0, writes = n * 50) =>
  `tiny n=${`${n}`.padStart(6, "0")} ms=${n * 50} writes=${writes} scans=0 bad=${bad}\n`;

describe("parseTinyReports", () => {
  it("finds a whole run sound, whatever it answered between reports", () => {
    const found = parseTinyReports(`${START}${report(1)}${report(2)}tiny pong 65\n${report(3)}`);
    expect(found).toMatchObject({ starts: 1, missing: [], repeated: [], bad: 0, pongs: [65] });
    expect(found.reports.map(({ n, writes }) => [n, writes])).toEqual([
      ...[
        [1, 50],
        [2, 100],
        [3, 150],
      ],
    ]);
    expect(found.sound).toBe(true);
  });

  it("leaves out a broken line at either end", () => {
    const found = parseTinyReports(`05 bad=0\n${report(7)}${report(8)}tiny n=0000`);
    expect(found.reports.map(({ n }) => n)).toEqual([7, 8]);
    expect(found.sound).toBe(true);
  });

  it("lists what is missing", () => {
    const found = parseTinyReports(report(1) + report(2) + report(5));
    expect(found.missing).toEqual([3, 4]);
    expect(found.sound).toBe(false);
  });

  it("lists what came again or too late", () => {
    const found = parseTinyReports(report(1) + report(2) + report(2) + report(1) + report(3));
    expect(found.repeated).toEqual([2, 1]);
    expect(found.missing).toEqual([]);
    expect(found.sound).toBe(false);
  });

  it("counts bad pages from the last report", () => {
    const line = "tiny bad page=7 holds=7 generation=3 wanted=4\n";
    const found = parseTinyReports(report(1) + line + report(2, 1));
    expect(found.bad).toBe(1);
    expect(found.wrongLines).toEqual([line.trimEnd()]);
    expect(found.sound).toBe(false);
  });

  it("does not trust a reboot, a counter that fell, or a line that nobody writes", () => {
    expect(parseTinyReports(`${START}${report(1)}${START}${report(2)}`).starts).toBe(2);
    expect(parseTinyReports(`${START}${report(1)}${START}${report(2)}`).sound).toBe(false);
    expect(parseTinyReports(report(1) + report(2, 0, 10)).sound).toBe(false);
    const torn = `${report(1)}tiny n=0000tiny n=000002 ms=1 writes=1 scans=0 bad=0\n`;
    expect(parseTinyReports(torn).wrongLines.length).toBe(1);
    expect(parseTinyReports(torn).sound).toBe(false);
  });

  it("does not call silence sound", () => {
    expect(parseTinyReports("").sound).toBe(false);
    expect(parseTinyReports(START).sound).toBe(false);
    expect(parseTinyReports("tiny error: more pages than memory\n").wrongLines.length).toBe(1);
  });

  it("lists at most a thousand missing numbers", () => {
    expect(parseTinyReports(report(1) + report(900_000)).missing.length).toBe(1_000);
  });
});

describe("a report", () => {
  it("is read as it stands, and nothing like it", () => {
    const line = "tiny n=1234567 ms=9 writes=8 scans=7 bad=6";
    const [first] = parseTinyReports(`${line}\n`).reports;
    expect(first).toEqual({ n: 1_234_567, ms: 9, writes: 8, scans: 7, bad: 6 });
    for (const wrong of [` ${line}`, `${line} `, line.replace("n=1", "n=x"), "tiny n=1"]) {
      expect(parseTinyReports(`${wrong}\n`).reports).toEqual([]);
    }
  });

  it("of another program counts under its own name only", () => {
    const text = "gzip n=000001 ms=9 writes=1 scans=1 bad=0\n";
    expect(parseReports(text, "gzip").sound).toBe(true);
    expect(parseReports(text, "sort").reports).toEqual([]);
  });
});
