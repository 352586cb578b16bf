/** Expected counts against a page-by-page guest that draws its writes, and against the formula. */
import { describe, expect, it } from "vitest";
import { ClassMemory } from "../../src/forecast/class-memory.js";
import { nothingTaken } from "../../src/forecast/slot-memory.js";

const everything = { pages: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

function sendAll(memory: ClassMemory, sec: number) {
  const taken = nothingTaken();
  memory.take(everything.pages, everything.bytes, sec, taken);
  return taken;
}

describe("memory of page classes", () => {
  it("dirties n (1 - e^(-l t)) pages of each class between readings", () => {
    const classes = [
      { pages: 1000, writesPerPageSec: 2 },
      { pages: 5000, writesPerPageSec: 0.1 },
      { pages: 3000, writesPerPageSec: 0 },
    ];
    const memory = new ClassMemory({ classes, wroteBeforeSec: 0 });
    memory.begin(0);
    sendAll(memory, 0);
    expect(memory.unsentPages).toBe(0);
    const added = memory.sync(0.5);
    expect(added).toBeCloseTo(1000 * (1 - Math.exp(-1)) + 5000 * (1 - Math.exp(-0.05)), 6);
    expect(memory.unsentPages).toBeCloseTo(added, 6);
    // Until the set has been sent, only what is not in it already can be added.
    const more = memory.sync(1);
    expect(more).toBeCloseTo(
      1000 * Math.exp(-1) * (1 - Math.exp(-1)) + 5000 * Math.exp(-0.05) * (1 - Math.exp(-0.05)),
      6,
    );
  });

  it("lets a sequential writer go round: every page once before any twice", () => {
    const classes = [{ pages: 1000, writesPerPageSec: 0.5, sequential: true }];
    const memory = new ClassMemory({ classes, wroteBeforeSec: 0 });
    memory.begin(0);
    sendAll(memory, 0);
    // 500 pages a second; inside the cell where the writer stands pages count as alike, which is
    // off by a quarter of its 64 pages at most.
    expect(memory.sync(0.5)).toBeCloseTo(250, 6);
    expect(Math.abs(memory.sync(1.8) - 650)).toBeLessThan(16);
    expect(Math.abs(memory.unsentPages - 900)).toBeLessThan(16);
    // Round the end: 100 that were clean, then such that are unsent already.
    expect(Math.abs(memory.sync(2.4) - 100)).toBeLessThan(32);
    sendAll(memory, 2.4);
    expect(memory.sync(100)).toBeCloseTo(1000, 6);
  });

  it("tells zeros from contents by what was written", () => {
    const classes = [
      { pages: 2000, writesPerPageSec: 1, zeroShare: 1 },
      { pages: 100, writesPerPageSec: 0, zeroShare: 1 },
    ];
    const memory = new ClassMemory({ classes, wroteBeforeSec: 1 });
    memory.begin(5);
    const taken = sendAll(memory, 5);
    expect(taken.zeroPages).toBeCloseTo(100 + 2000 * Math.exp(-1), 6);
    expect(taken.rawPages).toBeCloseTo(2000 * (1 - Math.exp(-1)), 6);
  });

  it("stops at the bytes it was given, and goes on from there", () => {
    const memory = new ClassMemory({
      classes: [{ pages: 1000, writesPerPageSec: 0 }],
      wroteBeforeSec: 0,
    });
    memory.begin(0);
    const taken = nothingTaken();
    expect(memory.take(1000, 10 * 4104, 0, taken)).toBeCloseTo(10, 9);
    expect(memory.take(25, everything.bytes, 0, taken)).toBe(25);
    expect(memory.unsentPages).toBeCloseTo(965, 6);
    expect(taken.rawPages).toBeCloseTo(35, 6);
  });
});
