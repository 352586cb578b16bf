/** A recording against a full comparison of memory, and what it keeps of time, reads and its end. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { Trace } from "../../src/guest/trace.js";
import { readTrace } from "../../src/guest/trace-read.js";
import type { PageBitmap } from "../../src/kernels/index.js";
import { tinyGuest } from "../../src/live/guests/tiny.js";
import { PageRecorder, type PageRecorderOptions } from "../../src/live/page-recorder.js";
import type { V86Guest } from "../../src/live/v86/index.js";
import { multibootImage } from "../../src/live/v86/multiboot.js";
import type { Region } from "../../src/migrate/messages.js";
import { simulate } from "../../src/model/simulation.js";
import { small } from "../support/specs.js";
import { le32, MIB, makeGuest, randomWriter } from "./v86/support.js";

const PAGES = 16 * 256;
const MS = 1_000_000;

const guests: V86Guest[] = [];
afterEach(async () => {
  for (const guest of guests.splice(0)) await guest.destroy();
});

async function running(changes: Parameters<typeof makeGuest>[0]): Promise<V86Guest> {
  const guest = await makeGuest(changes);
  guests.push(guest);
  guest.resume();
  return guest;
}

type Wishes = Omit<PageRecorderOptions, "source" | "intervalNs" | "durationNs"> &
  Partial<PageRecorderOptions>;

async function recorded(wishes: Wishes): Promise<Trace> {
  const options = { source: "a test", intervalNs: 10 * MS, durationNs: 400 * MS, ...wishes };
  const recorder = await PageRecorder.create(options);
  const { trace } = await readTrace(recorder.record(), { name: "recording" });
  expect(recorder.recorded.intervals).toBe(trace.intervals);
  return trace;
}

/**
 * The guest, and at each reading of its log the pages that differ from those at the one before; the
 * signal is aborted when there were enough.
 */
function compared(guest: V86Guest, enough: number) {
  const abort = new AbortController();
  const changes: number[][] = [];
  let count = 0;
  let before: Uint8Array = new Uint8Array(0);
  const watched = {
    tracking: guest.tracking,
    describe: () => guest.describe(),
    instructions: () => guest.instructions(),
    sample: (command: Parameters<V86Guest["sample"]>[0]) => guest.sample(command),
    disableLogDirty: () => guest.disableLogDirty(),
    enableLogDirty() {
      before = guest.memory().slice();
      guest.enableLogDirty();
    },
    harvest(region: Region, into: PageBitmap) {
      const after = guest.memory().slice();
      const changed: number[] = [];
      for (let pfn = 0; pfn < PAGES; pfn++) {
        const page = (of: Uint8Array) => of.subarray(pfn * 4096, pfn * 4096 + 4096);
        if (Buffer.compare(page(before), page(after)) !== 0) changed.push(pfn);
      }
      changes.push(changed);
      count += changed.length;
      if (count >= enough) abort.abort();
      before = after;
      return guest.harvest(region, into);
    },
  };
  return { watched, changes, signal: abort.signal };
}

/** Reads one word of each page of [from, to), over and over, and writes nothing. */
function reader(from: number, to: number): Uint8Array {
  return multibootImage([
    ...[0xbf, ...le32(from)], //       start: mov edi, from
    ...[0x8b, 0x07], //                 page: mov eax, [edi]
    ...[0x81, 0xc7, ...le32(4096)], //        add edi, 4096
    ...[0x81, 0xff, ...le32(to)], //          cmp edi, to
    ...[0x72, -16 & 255], //                  jb page
    ...[0xeb, -23 & 255], //                  jmp start
  ]);
}

describe.each(["tlb", "hash"] as const)("a recording by %s", (tracking) => {
  it("has in each interval every page that changed in it", async () => {
    const guest = await running({ tracking, boot: { multiboot: randomWriter(5, true) } });
    const { watched, changes, signal } = compared(guest, 3_000);
    const trace = await recorded({ guest: watched, durationNs: 15_000 * MS, signal });
    expect(trace.pages).toBe(PAGES);
    expect(changes).toHaveLength(trace.intervals);
    let changed = 0;
    for (const [i, pages] of changes.entries()) {
      const written = new Set(trace.written(i));
      expect(pages.filter((pfn) => !written.has(pfn))).toEqual([]);
      changed += pages.length;
    }
    expect(changed).toBeGreaterThan(2_000);
    // A page may be written with what it held, or with zeros and back; few are.
    expect(trace.columns.writtenPages.length).toBeLessThan(1.3 * changed);
    expect(trace.hasReads).toBe(tracking === "tlb");
  }, 20_000);
});

describe("the recording in test/fixtures", () => {
  it("shows what the tiny guest was told to do", async () => {
    const file = new URL("../fixtures/tiny-zipf.trace.gz", import.meta.url);
    const { trace } = await readTrace(readFileSync(file), { name: "tiny-zipf" });
    // guests/tiny: code, stack and counters at 1 MiB, tables at 2 MiB, then 1,000 pages that it
    // writes and 500 that it only fills, from the first whole page behind 8 bytes a page.
    const [image, tables, first] = [256, 512, 512 + Math.ceil((1_500 * 8) / 4_096)];
    const written = new Set(trace.columns.writtenPages);
    const read = new Set(trace.columns.readPages);
    const own = [...written].filter((pfn) => pfn < first);
    expect(own.every((pfn) => (pfn >= image && pfn < image + 16) || pfn >= tables)).toBe(true);
    expect(Math.max(...written)).toBeLessThan(first + 1_000);
    // A scan reads all of them, those that are never written too.
    const data = Array.from({ length: 1_500 }, (_, i) => first + i);
    expect(data.filter((pfn) => !read.has(pfn))).toEqual([]);
    // 2,000 writes a second, and more only where the guest makes up for what it slept too long.
    const writes = trace.columns.writtenPages.length - 6 * trace.intervals;
    expect(writes).toBeLessThan((2_000 * trace.durationNs) / 1e9);
    // Zipf's law with exponent 1: the first of 1,000 pages gets 13 % of the writes.
    const counts = new Map<number, number>();
    for (const pfn of trace.columns.writtenPages) counts.set(pfn, (counts.get(pfn) ?? 0) + 1);
    const ordered = [...counts].filter(([pfn]) => pfn >= first).sort((a, b) => b[1] - a[1]);
    expect(ordered[0]?.[1]).toBeGreaterThan(0.9 * trace.intervals);
    expect(ordered.length).toBeGreaterThan(500);
    expect(ordered.at(-1)?.[1]).toBe(1);
  });
});

describe("a recording", () => {
  it("shows the pages of a guest that only reads", async () => {
    const [from, to] = [4 * MIB, 6 * MIB];
    const guest = await running({ boot: { multiboot: reader(from, to) } });
    const trace = await recorded({ guest });
    expect(trace.hasReads).toBe(true);
    expect(trace.columns.writtenPages).toHaveLength(0);
    const wanted = Array.from({ length: (to - from) / 4096 }, (_, i) => from / 4096 + i);
    const whole = Array.from({ length: trace.intervals }, (_, i) => new Set(trace.read(i)));
    expect(whole.filter((read) => wanted.every((pfn) => read.has(pfn))).length).toBeGreaterThan(0);
    expect(Math.max(...trace.columns.readPages)).toBeLessThan(to / 4096);
  });

  it("counts time in instructions where it is asked to", async () => {
    const guest = await running({ boot: { multiboot: randomWriter(6, false) } });
    const wishes = { guest, clock: "instructions" as const, instructionsPerSec: 500e6 };
    const trace = await recorded({ ...wishes, intervalNs: 4 * MS });
    expect(trace.clock).toBe("instructions");
    expect(trace.intervals).toBeGreaterThan(1);
    for (let i = 0; i < trace.intervals; i++) {
      expect(trace.endNs(i)).toBe((trace.instructions(i) as number) * 2);
      const lengthNs = trace.endNs(i) - (i === 0 ? 0 : trace.endNs(i - 1));
      if (i < trace.intervals - 1) expect(lengthNs).toBeGreaterThanOrEqual(4 * MS);
    }
  });

  it("is whole when it is ended early", async () => {
    const guest = await running({ boot: { multiboot: randomWriter(7, false) } });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    const trace = await recorded({ guest, durationNs: 3_600_000 * MS, signal: abort.signal });
    expect(trace.intervals).toBeGreaterThan(0);
  });

  it("is refused where there is nothing in it, or could not be", async () => {
    const guest = await makeGuest({ boot: { multiboot: randomWriter(8, false) } });
    guests.push(guest);
    await expect(
      recorded({ guest, clock: "instructions", durationNs: 30 * MS }),
    ).rejects.toMatchObject({ code: "bad-trace" });
    for (const wrong of [
      { intervalNs: 1_000 },
      { intervalNs: 1e6 + 0.5 },
      { durationNs: 5 * MS },
      { instructionsPerSec: 0 },
      { instructionsPerSec: Number.NaN },
    ]) {
      await expect(recorded({ guest, ...wrong })).rejects.toMatchObject({ code: "bad-input" });
    }
  });

  it("replays in the model as the guest of a migration", async () => {
    const tiny = tinyGuest({ pattern: "hot", pages: 300, fillPages: 0, writesPerSec: 4_000 });
    const boot = { multiboot: tiny.image, cmdline: tiny.commandLine };
    const guest = await running({ boot });
    await new Promise<void>((reported) => guest.onSerial(() => reported()));
    const trace = await recorded({ guest });
    const activity = { kind: "replay" as const, trace, startNs: 0, end: "loop" as const };
    const spec = small({
      pages: trace.pages,
      activity,
      strategy: "pre-copy+wsclock:bits=reference",
    });
    const { migrations } = await simulate(spec);
    expect(migrations[0]?.outcome).toBe("target-runs");
    expect(migrations[0]?.rounds[0]?.pagesDirtied).toBeGreaterThan(0);
  });
});
