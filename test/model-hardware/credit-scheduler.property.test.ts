/** What any proportional-share scheduler with caps must keep, for random hosts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CreditScheduler } from "../../src/model/credit-scheduler.js";

interface Case {
  readonly vcpus: number;
  readonly weight: number;
  readonly cap: number;
  readonly demandCpus: number;
}

const TOLERANCE = 1e-12;

const domain: fc.Arbitrary<Case> = fc
  .record({
    vcpus: fc.integer({ min: 1, max: 16 }),
    weight: fc.integer({ min: 1, max: 65_535 }),
    capPart: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100 })),
    demandPart: fc.oneof(
      fc.constant(0),
      fc.constant(1),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
  })
  .map(({ vcpus, weight, capPart, demandPart }) => ({
    vcpus,
    weight,
    cap: capPart * vcpus,
    demandCpus: demandPart * vcpus,
  }));
const domains = fc.array(domain, { minLength: 1, maxLength: 20 });
const cpus = fc.integer({ min: 1, max: 64 });

function bound({ vcpus, cap, demandCpus }: Case): number {
  return Math.min(vcpus, demandCpus, cap === 0 ? vcpus : cap / 100);
}

/** Shares in the order of `cases`; the domains are added in the order of `order`. */
function sharesOf(physicalCpus: number, cases: readonly Case[], order = cases.keys()): number[] {
  const credit = new CreditScheduler({ physicalCpus });
  for (const id of order) credit.add({ id, ...(cases[id] as Case) });
  return cases.map((_, id) => credit.shareOf(id));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("credit scheduler, any host", () => {
  it("keeps everyone within 0 and its bound, and all within the host", () => {
    fc.assert(
      fc.property(cpus, domains, (physicalCpus, cases) => {
        const shares = sharesOf(physicalCpus, cases);
        shares.forEach((share, at) => {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(bound(cases[at] as Case));
        });
        expect(sum(shares)).toBeLessThanOrEqual(physicalCpus * (1 + TOLERANCE));
      }),
    );
  });

  it("leaves no CPU idle while someone could use it", () => {
    fc.assert(
      fc.property(cpus, domains, (physicalCpus, cases) => {
        const wanted = Math.min(physicalCpus, sum(cases.map(bound)));
        expect(Math.abs(sum(sharesOf(physicalCpus, cases)) - wanted)).toBeLessThan(1e-10);
      }),
    );
  });

  it("gives nobody below its bound less per weight than anybody else", () => {
    fc.assert(
      fc.property(cpus, domains, (physicalCpus, cases) => {
        const shares = sharesOf(physicalCpus, cases);
        const level = (at: number) => shares[at]! / cases[at]!.weight;
        for (const hungry of cases.keys()) {
          if (shares[hungry]! >= bound(cases[hungry]!) * (1 - 1e-9)) continue;
          for (const other of cases.keys()) {
            expect(level(other)).toBeLessThanOrEqual(level(hungry) * (1 + 1e-9));
          }
        }
      }),
    );
  });

  it("does not care in which order the domains came", () => {
    fc.assert(
      fc.property(
        cpus,
        domains.chain((cases) =>
          fc.tuple(
            fc.constant(cases),
            fc.shuffledSubarray([...cases.keys()], { minLength: cases.length }),
          ),
        ),
        (physicalCpus, [cases, order]) => {
          const shares = sharesOf(physicalCpus, cases);
          sharesOf(physicalCpus, cases, order.values()).forEach((share, at) => {
            expect(Math.abs(share - shares[at]!)).toBeLessThanOrEqual(TOLERANCE * physicalCpus);
          });
        },
      ),
    );
  });

  it("gives a domain no less when its weight grows", () => {
    fc.assert(
      fc.property(cpus, domains, fc.nat(), fc.nat(), (physicalCpus, cases, which, more) => {
        const at = which % cases.length;
        const grown = cases.map((c, i) =>
          i === at ? { ...c, weight: Math.min(65_535, c.weight + more) } : c,
        );
        const before = sharesOf(physicalCpus, cases)[at]!;
        const after = sharesOf(physicalCpus, grown)[at]!;
        expect(after).toBeGreaterThanOrEqual(before - TOLERANCE * physicalCpus);
      }),
    );
  });
});
