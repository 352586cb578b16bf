/**
 * Plateaus of published migrations, forecast from the first third of their series: a curve is
 * fitted to the first passes, and where it meets the link is compared with the passes that follow.
 */
import { describe, expect, it } from "vitest";
import { type DirtyPoint, plateauSec } from "../../src/fluid/index.js";
import { curveOfClasses, fitCurve } from "../../src/forecast/curve-fit.js";

const MIB_PAGES = 256;
const BYTES_PER_PAGE = 4096;

/** MiB that each pass settles at, from what passes of so many seconds found dirty. */
function plateauMib(points: readonly DirtyPoint[], memoryMib: number, mibPerSec: number): number {
  const inPages = points.map(({ windowSec, pages }) => ({ windowSec, pages: pages * MIB_PAGES }));
  const pages = memoryMib * MIB_PAGES;
  const curve = curveOfClasses(fitCurve(inPages, { pagesMax: pages }));
  const bytesPerSec = mibPerSec * MIB_PAGES * BYTES_PER_PAGE;
  const passSec = plateauSec(curve, { pages, bytesPerPage: BYTES_PER_PAGE, bytesPerSec });
  return curve(passSec) / MIB_PAGES;
}

describe("plateaus of published series", () => {
  it("kubevirt/enhancements VEP 248, ex-5: a kernel build in 4 GiB at about 0.9 Gbit/s", () => {
    // Remaining MiB at 0, 37, 53, 64, 74, 85 s were 4110, 1860, 1270, 1240, 1280, 1250.
    const mibPerSec = 4110 / 37;
    const points = [
      { windowSec: 11.3, pages: (1240 + 1280 + 1250) / 3 },
      { windowSec: 53 - 37, pages: 1270 },
      { windowSec: 37, pages: 1860 },
    ];
    const said = plateauMib(points, 4110, mibPerSec);
    // What came at 96 to 139 s, before the build went into another phase.
    const came = (1250 + 1260 + 1310 + 1280 + 1280) / 5;
    expect(Math.abs(said / came - 1)).toBeLessThan(0.1);
    // The geometric formula, with the rate of the first pass, says that passes shrink for ever.
    expect(1860 / 37).toBeLessThan(mibPerSec);
  });

  it("cloud-hypervisor#7799: 6,144 MiB of which 5,418 are written in every pass", () => {
    const said = plateauMib([{ windowSec: 6144 / 1986.83, pages: 5418 }], 6144, 1986.83);
    for (const came of [5418, 5428, 5418]) expect(Math.abs(said / came - 1)).toBeLessThan(0.1);
  });
});
