/**
 * The solver for one link (heaps, virtual time) beside the plain one (all rates anew at every
 * step), and both beside what must hold of any sharing.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairLink } from "../../src/fluid/fair-link.js";
import { runAlone } from "../../src/fluid/lone-sender.js";
import { MaxMinLinks } from "../../src/fluid/max-min-links.js";
import type { FluidSender } from "../../src/fluid/sender.js";

interface Step {
  readonly delaySec: number;
  readonly bytes: number;
  readonly limitBytesPerSec: number;
}

class Script implements FluidSender {
  delaySec = 0;
  bytes = 0;
  limitBytesPerSec = 1;
  readonly ends: number[] = [];
  cut = "";
  private at = 0;

  constructor(
    readonly startSec: number,
    private readonly steps: readonly Step[],
  ) {}

  next(nowSec: number): boolean {
    this.ends.push(nowSec);
    const step = this.steps[this.at++];
    if (step === undefined) return false;
    Object.assign(this, step);
    return true;
  }

  cutOff(_nowSec: number, reason: string): void {
    this.cut = reason;
  }
}

const step = fc.record({
  delaySec: fc.constantFrom(0, 0, 0.5, 3),
  bytes: fc.integer({ min: 0, max: 1000 }),
  limitBytesPerSec: fc.constantFrom(0.5, 3, 10, 33, 90, 100, 250, Number.POSITIVE_INFINITY),
});
const scripts = fc.array(
  fc.record({
    startSec: fc.integer({ min: 0, max: 20 }),
    steps: fc.array(step, { maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 12 },
);
const BOUNDS = { untilSec: 1e6, stepsMax: 1e5 };
const make = (all: readonly { startSec: number; steps: readonly Step[] }[]) =>
  all.map(({ startSec, steps }) => new Script(startSec, steps));

describe("one sender", () => {
  it("ends at the same bits with and without the heaps", () => {
    fc.assert(
      fc.property(scripts, ([first]) => {
        const [alone, heaps] = make([first!, first!]);
        runAlone(alone!, 100, BOUNDS, { steps: 0 });
        new FairLink(100, [heaps!]).run(BOUNDS, { steps: 0 });
        expect(alone?.ends).toEqual(heaps?.ends);
      }),
    );
  });
});

describe("one link", () => {
  it("ends every step when the plain solver does", () => {
    fc.assert(
      fc.property(scripts, (all) => {
        const fast = make(all);
        const plain = make(all);
        new FairLink(100, fast).run(BOUNDS, { steps: 0 });
        const flows = plain.map((sender) => ({ sender, path: [0] }));
        new MaxMinLinks([100], flows).run(BOUNDS, { steps: 0 });
        for (const [i, sender] of fast.entries()) {
          const ends = plain[i]?.ends ?? [];
          expect(sender.ends.length).toBe(ends.length);
          for (const [k, end] of sender.ends.entries()) expect(end).toBeCloseTo(ends[k]!, 6);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("carries no step faster than its limit nor all faster than the link", () => {
    fc.assert(
      fc.property(scripts, (all) => {
        const senders = make(all);
        new FairLink(100, senders).run(BOUNDS, { steps: 0 });
        let bytes = 0;
        for (const [i, { steps }] of all.entries()) {
          for (const [k, one] of steps.entries()) {
            const tookSec = senders[i]!.ends[k + 1]! - senders[i]!.ends[k]!;
            const leastSec = one.delaySec + one.bytes / Math.min(100, one.limitBytesPerSec);
            expect(tookSec).toBeGreaterThanOrEqual(leastSec - 1e-9);
            bytes += one.bytes;
          }
        }
        const firstSec = Math.min(...all.map(({ startSec }) => startSec));
        const lastSec = Math.max(...senders.map(({ ends }) => ends.at(-1)!));
        expect(bytes / 100).toBeLessThanOrEqual(lastSec - firstSec + 1e-6);
      }),
    );
  });

  it("cuts off all who are not done, and nobody else", () => {
    const short = new Script(0, [{ delaySec: 0, bytes: 10, limitBytesPerSec: 10 }]);
    const long = new Script(0, [{ delaySec: 0, bytes: 1e6, limitBytesPerSec: 10 }]);
    const waiting = new Script(50, []);
    new FairLink(100, [short, long, waiting]).run({ untilSec: 10, stepsMax: 100 }, { steps: 0 });
    expect([short.cut, long.cut !== "", waiting.cut !== ""]).toEqual(["", true, true]);
  });
});
