/** A v86 guest in a thread of its own that runs before its pages are there, page by page. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { Kernels, PageBitmap, U32Buffer } from "../../../src/kernels/index.js";
import { tinyGuest } from "../../../src/live/guests/tiny.js";
import { parseTinyReports } from "../../../src/live/guests/tiny-reports.js";
import { ShadowMachine } from "../../../src/live/shadow/index.js";
import type { V86Guest } from "../../../src/live/v86/index.js";
import { makeGuest, sleep } from "../v86/support.js";
import { type GuestThread, startGuestThread } from "./thread.js";

const PAGES = 4096;
const TINY = tinyGuest({ pages: 800, fillPages: 1200, writesPerSec: 20_000, scanEveryMs: 100 });

let kernels: Kernels;
let one: U32Buffer;
beforeAll(async () => {
  kernels = await Kernels.load({ arenaBytes: 2 ** 20 });
  one = U32Buffer.create(kernels, 1);
});

const threads: GuestThread[] = [];
const guests: V86Guest[] = [];
afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.end();
  for (const guest of guests.splice(0)) await guest.destroy();
});

function thread(tracking?: "hash"): { there: GuestThread; machine: ShadowMachine } {
  const there = startGuestThread(tracking);
  threads.push(there);
  return { there, machine: new ShadowMachine(there.port) };
}

/** A tiny guest that has written and scanned, and is paused; and what it printed. */
async function tinySource(): Promise<{ source: V86Guest; image: Uint8Array; text: string }> {
  const boot = { multiboot: TINY.image, cmdline: TINY.commandLine };
  const source = await makeGuest({ boot, name: "tiny" });
  guests.push(source);
  let text = "";
  source.onSerial((byte) => {
    text += String.fromCharCode(byte);
  });
  source.resume();
  while (!/scans=1 /.test(text)) await sleep(10);
  await source.pause();
  return { source, image: source.memory().slice(), text };
}

function write(machine: ShadowMachine, pfn: number, contents: Uint8Array): void {
  one.set([pfn]);
  machine.writePages("ram", one, contents);
}

function pagesFrom(first: number): PageBitmap {
  const missing = PageBitmap.create(kernels, PAGES);
  for (let pfn = first; pfn < PAGES; pfn++) missing.set(pfn);
  return missing;
}

const scansOf = (text: string) => parseTinyReports(text).reports.at(-1)?.scans ?? 0;

describe("a guest in another thread", () => {
  it("runs before its pages are there, waits for those it uses, and gets every one", async () => {
    const { source, image, text } = await tinySource();
    const pageOf = (pfn: number) => image.subarray(pfn * 4096, (pfn + 1) * 4096);
    const { there, machine } = thread();
    expect(await machine.prepare(source.describe())).toBeUndefined();
    await machine.loadDeviceState(source.deviceState());
    // Some came before; of others something old did; most never.
    for (let pfn = 0; pfn < 600; pfn++) write(machine, pfn, pageOf(pfn));
    const old = new Uint8Array(4096).fill(0x5a);
    for (let pfn = 600; pfn < 900; pfn++) write(machine, pfn, old);
    const missing = pagesFrom(600);
    const faults: number[] = [];
    machine.expectPages?.(missing, (page) => {
      faults.push(page);
      write(machine, page, pageOf(page));
    });
    await machine.run();
    // It has to look at all its pages, one after the other.
    while (scansOf(text + there.serial()) < scansOf(text) + 1) await sleep(10);
    expect(faults.length).toBeGreaterThan(1000);
    expect(new Set(faults).size).toBe(faults.length);
    expect(faults.every((page) => missing.has(page))).toBe(true);

    for (let pfn = 600; pfn < PAGES; pfn++) write(machine, pfn, pageOf(pfn));
    machine.allArrived();
    const stalls = await machine.whole;
    // Those at the end may have come while they were asked for.
    expect(stalls?.faults).toBeGreaterThanOrEqual(faults.length);
    expect(stalls?.worstStallNs).toBeGreaterThan(0);
    expect(stalls?.stallNs).toBeGreaterThanOrEqual(stalls?.worstStallNs ?? 0);
    expect(stalls?.stallBucketsUs.reduce((sum, count) => sum + count)).toBe(stalls?.faults);
    expect(await there.arrived).toEqual({ arrived: true, running: true });
    const scans = scansOf(text + there.serial());
    while (scansOf(text + there.serial()) < scans + 2) await sleep(10);
    expect(parseTinyReports(text + there.serial())).toMatchObject({ sound: true, bad: 0 });

    // What the guest never used is what was sent, and nothing of what was there before.
    const memory = await there.pause();
    for (let pfn = 3000; pfn < PAGES; pfn++) {
      expect(Buffer.compare(memory.subarray(pfn * 4096, (pfn + 1) * 4096), pageOf(pfn))).toBe(0);
    }
  });

  it("arrives whole without ever waiting", async () => {
    const { source, image, text } = await tinySource();
    const { there, machine } = thread();
    expect(await machine.prepare(source.describe())).toBeUndefined();
    for (let pfn = 0; pfn < PAGES; pfn++) {
      write(machine, pfn, image.subarray(pfn * 4096, (pfn + 1) * 4096));
    }
    const back = new Uint8Array(4096);
    one.set([300]);
    machine.readPages("ram", one, back);
    expect(Buffer.compare(back, image.subarray(300 * 4096, 301 * 4096))).toBe(0);
    await machine.loadDeviceState(source.deviceState());
    await machine.run();
    expect(await machine.whole).toMatchObject({ faults: 0, stallNs: 0, worstStallNs: 0 });
    expect(await there.arrived).toEqual({ arrived: true, running: true });
    while (scansOf(text + there.serial()) < scansOf(text) + 2) await sleep(10);
    expect(parseTinyReports(text + there.serial())).toMatchObject({ sound: true, bad: 0 });
  });

  it("is woken and stopped for good when what it waits for will not come", async () => {
    const { source, image } = await tinySource();
    const { there, machine } = thread();
    expect(await machine.prepare(source.describe())).toBeUndefined();
    for (let pfn = 0; pfn < 600; pfn++) {
      write(machine, pfn, image.subarray(pfn * 4096, (pfn + 1) * 4096));
    }
    await machine.loadDeviceState(source.deviceState());
    const waiting = new Promise<number>((resolve) => {
      machine.expectPages?.(pagesFrom(600), resolve);
    });
    await machine.run();
    expect(await waiting).toBeGreaterThanOrEqual(600);
    await machine.abort();
    expect(await machine.whole).toBeUndefined();
    expect(await there.arrived).toEqual({ arrived: false, running: false });
    const printed = there.serial();
    await sleep(100);
    expect(there.serial()).toBe(printed);
    // Once more does nothing.
    await machine.abort();
  });

  it("refuses what does not fit, and says that it cannot wait", async () => {
    const { machine } = thread("hash");
    const wrong = { ...(await tinySource()).source.describe(), devices: "a card" };
    expect(await machine.prepare(wrong)).toMatch(/devices "a card" there and "no firmware/);
    expect(await machine.prepare({ ...wrong, pageSizeBytes: 16384 })).toMatch(/16384 bytes/);
    expect(machine.expectPages).toBeUndefined();
    await machine.abort();
  });

  it("that has no thread any more is told from one that refuses", async () => {
    const { there, machine } = thread();
    const guest = (await tinySource()).source.describe();
    await there.end();
    await expect(machine.prepare(guest)).rejects.toThrow(PrecopyError);
    await expect(machine.prepare(guest)).rejects.toThrow(/thread of the guest is gone/);
  });

  it("takes no pages any more when its thread died amid them", async () => {
    const { source } = await tinySource();
    const { there, machine } = thread();
    expect(await machine.prepare(source.describe())).toBeUndefined();
    await machine.loadDeviceState(source.deviceState());
    machine.expectPages?.(pagesFrom(0), () => {});
    await machine.run();
    await there.end();
    expect(await machine.whole).toBeUndefined();
    expect(() => write(machine, 1, new Uint8Array(4096))).toThrow(/thread of the guest is gone/);
    expect(() => machine.allArrived()).toThrow(/thread of the guest is gone/);
    await machine.abort();
  });
});
