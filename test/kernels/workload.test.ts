import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { mix32 } from "../../src/base/random.js";
import {
  GuestPages,
  PageBitmap,
  U32Buffer,
  Workload,
  type WorkloadSpec,
} from "../../src/kernels/index.js";
import { scatter, WorkloadModel } from "../model/workload.js";
import { BUILDS, load } from "./builds.js";

const SPECS: WorkloadSpec[] = [
  { kind: "uniform", firstPage: 3, pages: 1000 },
  { kind: "uniform", firstPage: 0, pages: 1, writeFraction: 0 },
  { kind: "uniform", firstPage: 0, pages: 777, writeFraction: 0.3 },
  { kind: "zipf", firstPage: 5, pages: 1000, exponent: 0.99 },
  { kind: "zipf", firstPage: 0, pages: 130, exponent: 2.5, writeFraction: 0.75 },
  { kind: "zipf", firstPage: 0, pages: 64, exponent: 0 },
  { kind: "zipf", firstPage: 9, pages: 1, exponent: 1 },
  { kind: "zipf", firstPage: 0, pages: 2, exponent: 40 },
  { kind: "hot-cold", firstPage: 1, pages: 900, hotPages: 90, hotFraction: 0.9 },
  { kind: "hot-cold", firstPage: 0, pages: 50, hotPages: 50, hotFraction: 0.1 },
  { kind: "hot-cold", firstPage: 0, pages: 50, hotPages: 5, hotFraction: 1, writeFraction: 0.5 },
  { kind: "hot-cold", firstPage: 0, pages: 50, hotPages: 5, hotFraction: 0 },
  { kind: "sequential", firstPage: 7, pages: 100 },
  { kind: "sequential", firstPage: 0, pages: 33, writeFraction: 0.1 },
];

describe.each(BUILDS)("Workload ($build)", ({ simd }) => {
  it.each(SPECS)("draws the sequence of its twin: %o", (spec) => {
    const kernels = load(simd);
    const workload = Workload.create(kernels, spec, 12345);
    const out = U32Buffer.create(kernels, 5000);
    kernels.raw.workloadDraw(workload.ptr, 5000, out.ptr);
    out.length = 5000;
    const twin = new WorkloadModel(spec, 12345);
    for (const access of out.view()) {
      const expected = twin.next();
      expect(access & 0x7fffffff).toBe(expected.page);
      expect(access >>> 31 === 1).toBe(expected.write);
    }
  });

  it.each(SPECS)("applies what its twin draws to the guest: %o", (spec) => {
    const kernels = load(simd);
    const guest = GuestPages.create(kernels, 1100);
    const workload = Workload.create(kernels, spec, 99);
    const twin = new WorkloadModel(spec, 99);
    const writes: number[] = Array(1100).fill(0);
    const used = new Set<number>();
    for (const count of [1, 2047, 2049, 0, 100]) {
      workload.run(guest, count, 1);
      for (let i = 0; i < count; i++) {
        const access = twin.next();
        used.add(access.page);
        if (access.write) writes[access.page]!++;
      }
    }
    expect(writes.map((_, page) => guest.version(page))).toEqual(writes);
    expect(guest.dirty.count()).toBe(writes.filter((n) => n > 0).length);
    expect(guest.referenced!.count()).toBe(used.size);
  });

  it("runs more than one batch, and goes on where it stopped", () => {
    const spec: WorkloadSpec = { kind: "uniform", firstPage: 0, pages: 500, writeFraction: 0.5 };
    const kernels = load(simd);
    const whole = GuestPages.create(kernels, 500);
    const parts = GuestPages.create(kernels, 500);
    Workload.create(kernels, spec, 5).run(whole, 150_000, 1);
    const workload = Workload.create(kernels, spec, 5);
    for (const count of [70_000, 65_536, 14_464]) workload.run(parts, count, 1);
    for (let page = 0; page < 500; page++) expect(parts.version(page)).toBe(whole.version(page));
    expect(whole.versionSum()).toBeGreaterThan(70_000);
  });

  it("foretells with a fork what the run then writes, and leaves the stream alone", () => {
    for (const spec of SPECS) {
      const kernels = load(simd);
      const guest = GuestPages.create(kernels, 1100);
      const workload = Workload.create(kernels, spec, 4);
      const foretold = PageBitmap.create(kernels, 1100);
      workload.run(guest, 500, 1);
      guest.dirty.reset();
      const fork = workload.fork();
      fork.runMarking(200, foretold);
      workload.run(guest, 200, 2);
      expect(foretold.equals(guest.dirty)).toBe(true);
      fork.runMarking(70_000, foretold);
      workload.run(guest, 70_000, 3);
      expect(foretold.equals(guest.dirty)).toBe(true);
    }
  });

  it.each([0, 0.5, 0.99, 1, 1.7])("gives each rank its share by Zipf's law, s = %d", (exponent) => {
    const pages = 1000;
    const kernels = load(simd);
    const workload = Workload.create(kernels, { kind: "zipf", firstPage: 0, pages, exponent }, 8);
    // The table says the probabilities exactly: a column's threshold, and what aliases leave.
    const table = kernels.u32(workload.ptr + 64, 2 * pages);
    const share: number[] = Array(pages).fill(0);
    for (let column = 0; column < pages; column++) {
      const own = table[2 * column]! / 2 ** 32;
      share[column]! += own / pages;
      share[table[2 * column + 1]!]! += (1 - own) / pages;
    }
    const harmonic = Array.from({ length: pages }, (_, i) => (i + 1) ** -exponent);
    const sum = harmonic.reduce((a, b) => a + b, 0);
    const pageOf = harmonic.map((_, rank) => scatter(rank, pages, mix32(8)));
    expect(new Set(pageOf).size).toBe(pages);
    harmonic.forEach((weight, rank) => {
      expect(Math.abs(share[pageOf[rank]!]! - weight / sum)).toBeLessThan(1e-8);
    });
  });

  it("refuses what is no workload, with the limits", () => {
    const kernels = load(simd);
    const make = (spec: WorkloadSpec) => () => Workload.create(kernels, spec, 1);
    expect(make({ kind: "uniform", firstPage: 0, pages: 0 })).toThrow(PrecopyError);
    expect(make({ kind: "uniform", firstPage: 0, pages: 9, writeFraction: 1.1 })).toThrow(
      "writeFraction is 1.1 and has to be a number from 0 to 1",
    );
    expect(make({ kind: "zipf", firstPage: 0, pages: 9, exponent: -1 })).toThrow("exponent is -1");
    expect(
      make({ kind: "hot-cold", firstPage: 0, pages: 9, hotPages: 10, hotFraction: 0.5 }),
    ).toThrow("hotPages is 10 and has to be an integer from 1 to 9");
    const workload = Workload.create(kernels, { kind: "uniform", firstPage: 10, pages: 10 }, 1);
    expect(() => workload.run(GuestPages.create(kernels, 19), 1, 0)).toThrow("end at 20");
  });
});
