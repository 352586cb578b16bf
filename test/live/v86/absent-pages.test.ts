/**
 * A guest that runs with all its memory absent: it waits for each page it uses, before it uses it.
 * Absent pages hold a pattern, so that a read past the wait shows in what the guest computes, and a
 * write past it in the pattern.
 */
import { afterEach, describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { tinyGuest } from "../../../src/live/guests/tiny.js";
import { parseTinyReports } from "../../../src/live/guests/tiny-reports.js";
import { type AbsentPages, GuestGone, type V86Guest } from "../../../src/live/v86/index.js";
import { CHECKED, PAGING_GUESTS, ROUND_AT, WRONG_AT } from "./paging-guests.js";
import { internalsOf, makeGuest, moveAll, runFor, sleep, v86Wasm, wordAt } from "./support.js";

const POISON = new Uint8Array(4096).fill(0xa5);
const PAGES = 4096;
/** Section 0 of 2 bytes: a name of one letter. */
const UNTESTED = Uint8Array.of(0, 2, 1, 0x78);

const guests: V86Guest[] = [];
afterEach(async () => {
  for (const guest of guests.splice(0)) await guest.destroy();
});

async function made(...parameters: Parameters<typeof makeGuest>): Promise<V86Guest> {
  const guest = await makeGuest(...parameters);
  guests.push(guest);
  return guest;
}

interface Arrival {
  readonly target: V86Guest;
  readonly absent: AbsentPages;
  /** In the order in which they were waited for. */
  readonly waited: number[];
  /** Lets the pages come that nobody waited for. */
  arriveRest(): void;
}

/** Moves a guest that is paused, every page absent and filled with the pattern. */
async function allAbsent(source: V86Guest): Promise<Arrival> {
  const image = source.memory().slice();
  const pageOf = (pfn: number) => image.subarray(pfn * 4096, (pfn + 1) * 4096);
  const target = await made();
  for (let pfn = 0; pfn < PAGES; pfn++) target.writePage(pfn, POISON);
  target.loadDeviceState(source.deviceState());
  const waited: number[] = [];
  const all = Uint32Array.from({ length: PAGES }, (_, pfn) => pfn);
  const absent: AbsentPages = target.awaitPages(all, (pfn) => {
    waited.push(pfn);
    absent.arrive(pfn, pageOf(pfn));
  });
  const arriveRest = () => {
    for (const pfn of all) if (absent.isAbsent(pfn)) absent.arrive(pfn, pageOf(pfn));
  };
  return { target, absent, waited, arriveRest };
}

function expectUntouched({ target, absent }: Arrival): void {
  const touched = Array.from({ length: PAGES }, (_, pfn) => pfn).filter(
    (pfn) => absent.isAbsent(pfn) && Buffer.compare(target.page(pfn), POISON) !== 0,
  );
  expect(touched).toEqual([]);
}

describe.each(PAGING_GUESTS)("a guest $name", ({ image, tables }) => {
  it("waits for every page once, its tables among them", async () => {
    const source = await made({ boot: { multiboot: image } });
    await runFor(source, 1e6);
    const arrival = await allAbsent(source);
    const { target, absent, waited, arriveRest } = arrival;
    await runFor(target, 2e6);

    expect(wordAt(target, ROUND_AT)).toBeGreaterThan(wordAt(source, ROUND_AT) + 10);
    expect(wordAt(target, WRONG_AT)).toBe(0);
    const used = CHECKED.flatMap(({ from, to }) =>
      Array.from({ length: (to - from) / 4096 }, (_, i) => from / 4096 + i),
    );
    // Interrupt vectors, code, the rounds; nothing else.
    const wanted = [0, 0x100, 0x200, ...tables, ...used].sort((a, b) => a - b);
    expect([...waited].sort((a, b) => a - b)).toEqual(wanted);
    expect(absent.count).toBe(PAGES - wanted.length);
    expectUntouched(arrival);

    arriveRest();
    absent.end();
    const rounds = wordAt(target, ROUND_AT);
    target.enableLogDirty();
    await runFor(target, 1e6);
    expect(wordAt(target, ROUND_AT)).toBeGreaterThan(rounds);
    expect(wordAt(target, WRONG_AT)).toBe(0);
    expect(waited.length).toBe(wanted.length);
  });
});

it("keeps the tiny guest's checksums and count, with interrupts and a scan of all pages", async () => {
  const tiny = tinyGuest({ pages: 1000, fillPages: 1500, writesPerSec: 20_000, scanEveryMs: 100 });
  const boot = { multiboot: tiny.image, cmdline: tiny.commandLine };
  const source = await made({ boot });
  let text = "";
  const hear = (byte: number) => {
    text += String.fromCharCode(byte);
  };
  source.onSerial(hear);
  source.resume();
  while (!/scans=1 /.test(text)) await sleep(10);
  await source.pause();

  const arrival = await allAbsent(source);
  arrival.target.onSerial(hear);
  const { reports: before } = parseTinyReports(text);
  const scans = before.at(-1)?.scans ?? 0;
  arrival.target.resume();
  while ((parseTinyReports(text).reports.at(-1)?.scans ?? 0) < scans + 2) await sleep(10);
  await arrival.target.pause();
  expect(parseTinyReports(text)).toMatchObject({ sound: true, bad: 0, missing: [], repeated: [] });
  expect(arrival.waited.length).toBeGreaterThan(2500);
  expect(new Set(arrival.waited).size).toBe(arrival.waited.length);
  expectUntouched(arrival);
});

describe("devices", () => {
  it("wait for each page that they read or write", async () => {
    const source = await made();
    const image = source.memory();
    for (let i = 0; i < image.length; i += 4096) image.fill(i / 4096, i, i + 4096);
    const { target, waited } = await allAbsent(source);
    const { cpu } = internalsOf(target).emulator.v86;
    waited.length = 0;
    const accesses: readonly [pages: number[], access: () => unknown, result?: unknown][] = [
      [[10], () => cpu.read8(0xa123), 10],
      [[11, 12], () => cpu.read16(0xbfff), 0x0c0b],
      [[13, 14], () => cpu.read32s(0xdffe), 0x0e0e0d0d],
      [[15], () => cpu.write8(0xf000, 7)],
      [[16, 17], () => cpu.write16(0x1_0fff, 7)],
      [[18, 19], () => cpu.write32(0x1_2fff, 7)],
      [[20], () => cpu.mem8[0x1_4fff], 20],
      [[21], () => Reflect.set(cpu.mem8, 0x1_5000, 1)],
      [[22, 23], () => cpu.mem8.subarray(0x1_6fff, 0x1_7001).join(), "22,23"],
      [[24], () => cpu.mem8.slice(0x1_8000, 0x1_8002).join(), "24,24"],
      [[25, 26], () => cpu.write_blob(new Uint8Array(8192), 0x1_9000)],
      [[27], () => cpu.zero_memory(0x1_b000, 4096)],
      [[4095], () => cpu.mem8.subarray(-1).join(), "255"],
      [[], () => cpu.mem8.length, PAGES * 4096],
      [[], () => cpu.read8(0xa124), 10],
    ];
    for (const [pages, access, result] of accesses) {
      const got = access();
      expect(waited.splice(0)).toEqual(pages);
      if (result !== undefined) expect(got).toBe(result);
    }
    expect([target.page(15)[0], target.page(15)[1]]).toEqual([7, 15]);
    expect([target.page(16)[4094], target.page(16)[4095], target.page(17)[0]]).toEqual([16, 7, 0]);
    expect([target.page(21)[0], target.page(27)[0], target.page(26)[0]]).toEqual([1, 0, 0]);
  });
});

describe("a page that will not come", () => {
  it("stops the guest where it is, for good", async () => {
    const source = await made({ boot: { multiboot: PAGING_GUESTS[0]?.image ?? new Uint8Array() } });
    await runFor(source, 1e6);
    const target = await made();
    moveAll(source, target);
    target.awaitPages(Uint32Array.of(0x600), () => {
      throw new GuestGone("the source is gone");
    });
    const rounds = wordAt(target, ROUND_AT);
    target.resume();
    while (target.running) await sleep(1);
    expect(wordAt(target, ROUND_AT)).toBeLessThanOrEqual(rounds + 1);
    expect(() => target.resume()).toThrow(/does not run again/);
    expect(() => target.deviceState()).toThrow(/absent pages/);
  });
});

it.each([
  { what: "whose log is by hashes", changes: { tracking: "hash" } as const },
  // An empty custom section more: another build, as far as anybody can tell.
  { what: "on an untested build", changes: { wasm: Buffer.concat([v86Wasm, UNTESTED]) } },
])("refuses a guest $what", async ({ changes }) => {
  const target = await made(changes);
  expect(target.canAwaitPages).toBe(false);
  const refused = () => target.awaitPages(Uint32Array.of(1), () => {});
  expect(refused).toThrow(PrecopyError);
  expect(refused).toThrow(/cannot run while pages are absent/);
});
