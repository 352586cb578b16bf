/**
 * Forecasts against migrations that happen now, between two QEMU processes (apt package
 * qemu-system-x86). Without QEMU nothing is compared, except in CI, where its absence is a failure.
 */
import { describe, expect, it } from "vitest";
import { parseQemuRun } from "../../src/forecast/qemu-run.js";
import {
  forecastCase,
  type Held,
  heldCheck,
  heldFigures,
  LIVE_CASES,
  type LiveCase,
  type LiveVerdict,
  liveCheck,
  MULTIFD_CASE,
  RefusedCase,
} from "../support/live-check.js";
import { guestSecondsPerSecond, withoutQemu } from "../support/qemu.js";

const CASE_MS = 60_000;

describe.skipIf(withoutQemu())(
  "a migration forecast before it starts, by QEMU (qemu-system-x86)",
  () => {
    for (const one of LIVE_CASES) {
      it(
        `${one.id}: as forecast, and the guest arrives whole`,
        async () => {
          const { verdict, held } = await checkOrMultifd(one);
          expect(held.filter(({ isHeld }) => !isHeld)).toEqual([]);
          expect(verdict.run.outcome).toBe("completed");
          const { sound, missing, wrongLines, bad } = verdict.reports;
          expect({ sound, missing, wrongLines, bad }).toEqual({
            ...{ sound: true, missing: [], wrongLines: [], bad: 0 },
          });
          expect(verdict.reportsThere).toBeGreaterThan(5);
          expect([...parseQemuRun({ ...verdict.run }).known.caps]).toEqual(
            Object.keys(verdict.run.caps),
          );
        },
        CASE_MS,
      );
    }
  },
);

it.skipIf(withoutQemu())(
  "a forecast of a guest that writes twice as fast is seen to be wrong",
  async () => {
    const one = LIVE_CASES.find(({ id }) => id === "pre-copy") as LiveCase;
    const verdict = await liveCheck(one);
    const how = { qemuMajor: 7, ticks: await guestSecondsPerSecond() };
    const forecast = forecastCase({ ...one, writesPerSec: one.writesPerSec * 2 }, how);
    const missed = heldFigures({ ...verdict, forecast }).filter(({ isHeld }) => !isHeld);
    expect(missed.map(({ what }) => what)).toEqual(expect.arrayContaining(["total, ms", "bytes"]));
  },
  CASE_MS,
);

async function checkOrMultifd(one: LiveCase): Promise<{ verdict: LiveVerdict; held: Held[] }> {
  try {
    return await heldCheck(one);
  } catch (error) {
    if (!(error instanceof RefusedCase)) throw error;
    console.warn(`${error.message}; multifd in its place`);
    return heldCheck(MULTIFD_CASE);
  }
}
