/**
 * The tiny guest on v86 as it is: what it says, which pages it writes (from its own table of
 * generations in memory), and that it finds a page that was changed or left old.
 */
import { describe, expect, it } from "vitest";
import { buildTinyGuest } from "../../../scripts/build-tiny-guest.js";
import { PrecopyError } from "../../../src/base/errors.js";
import { TINY_PATTERNS, type TinyGuestOptions, tinyGuest } from "../../../src/live/guests/tiny.js";
import { TINY_IMAGE_COMPILER } from "../../../src/live/guests/tiny-image.js";
import { parseTinyReports } from "../../../src/live/guests/tiny-reports.js";
import { MIB, type PlainV86, withPlainV86 } from "./plain-v86.js";

const TABLE_AT = 2 * MIB;

function run<Result>(
  options: TinyGuestOptions,
  use: (machine: PlainV86) => Promise<Result>,
  { memoryBytes = 16 * MIB, image = tinyGuest(options).image } = {},
): Promise<Result> {
  const settings = { multiboot: { buffer: image.buffer }, memory_size: memoryBytes };
  return withPlainV86({ ...settings, cmdline: tinyGuest(options).commandLine }, use);
}

/** How often each page was written since the start, when the machine stands still. */
async function writesPerPage(machine: PlainV86, pages: number): Promise<number[]> {
  await machine.emulator.stop();
  const memory = machine.memory();
  const table = new Uint32Array(memory.buffer, memory.byteOffset + TABLE_AT, pages);
  return [...table].map((generation) => generation - 1);
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Where the pages begin: behind the table of generations. */
const pageAt = (n: number, total: number) =>
  Math.ceil((TABLE_AT + total * 4) / 4_096) * 4_096 + n * 4_096;

describe("the image", () => {
  it("is what guests/tiny builds to", async ({ skip }) => {
    const built = buildTinyGuest();
    if (built === undefined) return skip("no gcc here");
    const committed = Buffer.from(tinyGuest().image);
    if (built.compiler === TINY_IMAGE_COMPILER) {
      expect(Buffer.from(built.image).equals(committed)).toBe(true);
      return;
    }
    const image = new Uint8Array(built.image);
    const text = await run({}, reportsUpTo(20), { image });
    expect(parseTinyReports(text).sound).toBe(true);
  });
});

function reportsUpTo(n: number) {
  return async (machine: PlainV86) => {
    await machine.waitFor(new RegExp(`tiny n=0*${n} .*\n`));
    return machine.serial();
  };
}

describe("tinyGuest", () => {
  it("turns options into the command line", () => {
    const options = { pattern: "hot", pages: 10, hotPages: 2, writesPerSec: 0, seed: 7 } as const;
    const { commandLine, minMemoryBytes } = tinyGuest(options);
    expect(commandLine).toBe("pattern=hot pages=10 rate=0 hotpages=2 seed=7");
    expect(minMemoryBytes).toBe(16 * MIB);
  });

  it("refuses what the guest would", () => {
    const wrong: TinyGuestOptions[] = [
      ...[{ pages: 0 }, { pages: 1.5 }, { pages: 262_145 }, { hotPercent: 101 }, { seed: 0 }],
      ...[{ wakesPerSec: 10 }, { pages: 10, hotPages: 11 }, { writesPerSec: -1 }],
    ];
    for (const options of wrong) expect(() => tinyGuest(options)).toThrow(PrecopyError);
    expect(() => tinyGuest({ pattern: "cosy" as "idle" })).toThrow(/uniform, zipf, hot/);
  });

  it("hands out a copy of the image", () => {
    tinyGuest().image.fill(0);
    expect(tinyGuest().image.some((byte) => byte !== 0)).toBe(true);
  });
});

describe("on v86", () => {
  for (const pattern of TINY_PATTERNS) {
    it(`reports without a gap and finds nothing bad: ${pattern}`, async () => {
      const text = await run({ pattern, scanEveryMs: 100 }, reportsUpTo(20));
      const found = parseTinyReports(text);
      expect(found.sound).toBe(true);
      expect(found.starts).toBe(1);
      const last = found.reports.at(-1);
      expect(last?.scans).toBeGreaterThan(1);
      const writes = pattern !== "cpu" && pattern !== "idle";
      expect((last?.writes as number) > 0).toBe(writes);
    });
  }

  it("answers a byte", async () => {
    await run({ pattern: "idle" }, async (machine) => {
      await machine.waitFor(/tiny n=000002/);
      machine.send("Az");
      await machine.waitFor(/tiny pong 65\ntiny pong 122\n/);
    });
  });

  it("does not write pages faster than it is told", async () => {
    const text = await run({ writesPerSec: 2_000 }, reportsUpTo(30));
    for (const { ms, writes } of parseTinyReports(text).reports) {
      expect(writes).toBeLessThanOrEqual((ms + 100) * 2 + 64);
    }
  });

  it("writes one page after the other", async () => {
    const options = { pattern: "sequential", pages: 100, writesPerSec: 20_000 } as const;
    const counts = await run(options, async (machine) => {
      await machine.waitFor(/tiny n=000020 /);
      return writesPerPage(machine, 100);
    });
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("writes by Zipf's law: rank r about 1/r as often as the first", async () => {
    const options = { pattern: "zipf", pages: 200, writesPerSec: 0 } as const;
    const counts = await run(options, async (machine) => {
      await machine.waitFor(/ writes=\d{6,} /);
      return writesPerPage(machine, 200);
    });
    counts.sort((a, b) => b - a);
    const harmonic = sum(counts.map((_, rank) => 1 / (rank + 1)));
    for (const rank of [1, 2, 10, 100]) {
      const expected = sum(counts) / harmonic / rank;
      expect((counts[rank - 1] as number) / expected).toBeGreaterThan(0.85);
      expect((counts[rank - 1] as number) / expected).toBeLessThan(1.15);
    }
  });

  it("gives the hot pages their share and spreads the rest", async () => {
    const hot = { pattern: "hot", pages: 500, hotPages: 50, hotPercent: 80 } as const;
    const counts = await run({ ...hot, writesPerSec: 0 }, async (machine) => {
      await machine.waitFor(/ writes=\d{6,} /);
      return writesPerPage(machine, 500);
    });
    counts.sort((a, b) => b - a);
    // 80 % to them, and a tenth of the other 20 %.
    expect(sum(counts.slice(0, 50)) / sum(counts)).toBeCloseTo(0.82, 1);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("writes no page of the cold ones", async () => {
    const options = { pages: 50, fillPages: 450, writesPerSec: 0 } as const;
    const counts = await run(options, async (machine) => {
      await machine.waitFor(/ writes=\d{5,} /);
      return writesPerPage(machine, 500);
    });
    expect(sum(counts.slice(50))).toBe(0);
    expect(Math.min(...counts.slice(0, 50))).toBeGreaterThan(0);
  });

  it("finds a page that was left old, and a changed byte in a cold one", async () => {
    const options = { pattern: "sequential", pages: 100, fillPages: 100 } as const;
    await run({ ...options, writesPerSec: 20_000, scanEveryMs: 200 }, async (machine) => {
      await machine.waitFor(/ scans=1 bad=0\n/);
      await machine.emulator.stop();
      const old = pageAt(3, 200);
      const before = machine.memory().slice(old, old + 4_096);
      expect(new DataView(before.buffer).getUint32(0, true)).toBe(3);
      const from = machine.serial().length;
      await machine.emulator.run();
      await machine.waitFor(/(tiny n=.*\n){4}/, { from });
      await machine.emulator.stop();
      machine.memory().set(before, old);
      await machine.emulator.run();
      await machine.waitFor(/tiny bad page=3 holds=3 generation=\d+ wanted=\d+\n/);
      await machine.emulator.stop();
      machine.memory()[pageAt(150, 200) + 4 * (5 + 16 * 63)]! ^= 1;
      await machine.emulator.run();
      await machine.waitFor(/tiny bad page=150 holds=150 generation=1 wanted=1\n/);
      expect(parseTinyReports(machine.serial()).sound).toBe(false);
    });
  });

  it("says what it cannot do", async () => {
    await run({ pages: 10_000 }, (machine) =>
      machine.waitFor(/tiny error: more pages than memory\n/),
    );
    const { image } = tinyGuest();
    for (const [cmdline, error] of [
      ["pages=0", /tiny error: not a possible value: pages=0\n/],
      ["pattern=x", /tiny error: unknown pattern in: pattern=x\n/],
      ["speed=1", /tiny error: unknown option: speed=1\n/],
    ] as const) {
      const boot = { multiboot: { buffer: image.buffer }, memory_size: 16 * MIB, cmdline };
      await withPlainV86(boot, (machine) => machine.waitFor(error));
    }
  });

  it("finds its place in a gigabyte", async () => {
    const options = { pattern: "zipf", pages: 1_000, fillPages: 20_000 } as const;
    const text = await run(options, reportsUpTo(5), { memoryBytes: 1_024 * MIB });
    expect(text).toContain("memory=1073741824\n");
    expect(parseTinyReports(text).sound).toBe(true);
  });
});
