/**
 * Forecasts of migrations between two QEMU processes of this machine, beside what came of them:
 *
 *     npm run check:qemu
 *
 * Ends with 1 if a figure lies outside its bound, with 2 where QEMU is not installed.
 */
import { alignColumns } from "../src/report/text.js";
import { heldCheck, LIVE_CASES, MULTIFD_CASE, RefusedCase } from "../test/support/live-check.js";
import { qemuVersion } from "../test/support/qemu.js";

const HEAD = ["strategy", "figure", "forecast", "actual", "off", "bound", "held"];

async function main(): Promise<number> {
  const version = qemuVersion();
  if (version === undefined) {
    console.error("qemu-system-x86_64 is not installed: apt-get install qemu-system-x86");
    return 2;
  }
  console.log(`QEMU ${version}, software emulation, two processes of this machine\n`);
  const rows: string[][] = [HEAD];
  const notes: string[] = [];
  let missed = 0;
  for (const one of LIVE_CASES) {
    const { verdict, held } = await heldCheck(one).catch((error: unknown) => {
      if (!(error instanceof RefusedCase)) throw error;
      notes.push(`${error.message}; multifd in its place`);
      return heldCheck(MULTIFD_CASE);
    });
    const { id, reports, reportsThere, waitedMs } = verdict;
    for (const [i, figure] of held.entries()) {
      const { what, forecast, actual, bound, isHeld } = figure;
      const off = forecast - actual;
      const round = (value: number) => value.toFixed(what === "downtime, ms" ? 1 : 0);
      rows.push([
        ...[i === 0 ? id : "", what, round(forecast), round(actual), round(off)],
        ...[`±${round(bound)}`, isHeld ? "yes" : "NO"],
      ]);
      if (!isHeld) missed++;
    }
    if (!reports.sound) missed++;
    const state = reports.sound
      ? "whole"
      : `NOT whole: ${reports.wrongLines.slice(0, 2).join("; ")}`;
    notes.push(
      `${id}: the guest arrived ${state}, ${reportsThere} reports there, no gap; ` +
        `QEMU's threads waited ${Math.round(waitedMs)} ms for a CPU`,
    );
  }
  console.log(alignColumns(rows, ["left", "left"]).join("\n"));
  console.log(`\n${notes.join("\n")}`);
  return missed > 0 ? 1 : 0;
}

process.exitCode = await main();
