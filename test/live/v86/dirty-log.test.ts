/** The dirty log against a full comparison of memory, by the TLB and by hashes. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Kernels, PageBitmap, U32Buffer } from "../../../src/kernels/index.js";
import type { V86Guest } from "../../../src/live/v86/index.js";
import { multibootImage } from "../../../src/live/v86/multiboot.js";
import {
  FIRST_USES,
  internalsOf,
  MIB,
  makeGuest,
  randomWriter,
  runFor,
  STEP_AT,
  wordAt,
} from "./support.js";

const PAGES = 16 * 256;
const ROUNDS = 10;

let kernels: Kernels;
const guests: V86Guest[] = [];
beforeAll(async () => {
  kernels = await Kernels.load({ arenaBytes: MIB });
});
afterEach(async () => {
  for (const guest of guests.splice(0)) await guest.destroy();
});

async function logged(changes: Parameters<typeof makeGuest>[0]): Promise<V86Guest> {
  const guest = await makeGuest(changes);
  guests.push(guest);
  guest.enableLogDirty();
  return guest;
}

function changedPages(before: Uint8Array, after: Uint8Array): number[] {
  const changed: number[] = [];
  for (let pfn = 0; pfn < PAGES; pfn++) {
    const [from, to] = [pfn * 4096, pfn * 4096 + 4096];
    if (Buffer.compare(before.subarray(from, to), after.subarray(from, to)) !== 0)
      changed.push(pfn);
  }
  return changed;
}

function pagesOf(bitmap: PageBitmap): number[] {
  const list = U32Buffer.create(kernels, PAGES);
  bitmap.toPages(list);
  return [...list.view()];
}

const CASES = [
  { tracking: "tlb", paging: false, seed: 1 },
  { tracking: "tlb", paging: true, seed: 2 },
  { tracking: "hash", paging: false, seed: 3 },
  { tracking: "hash", paging: true, seed: 4 },
] as const;

describe.each(CASES)("a log by $tracking of a guest with paging $paging", (options) => {
  const { tracking, paging, seed } = options;
  const boot = { multiboot: randomWriter(seed, paging) };

  it("has every page that changed, round for round, and nothing while it is paused", async () => {
    const guest = await logged({ tracking, boot });
    expect(guest.tracking).toBe(tracking);
    const dirty = PageBitmap.create(kernels, PAGES);
    const before = guest.memory().slice();
    let rounds = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await runFor(guest, 3e5);
      const changed = changedPages(before, guest.memory());
      const count = guest.harvest("ram", dirty);
      expect(dirty.count()).toBe(count);
      const missed = changed.filter((pfn) => !dirty.has(pfn));
      expect(missed).toEqual([]);
      if (tracking === "hash") expect(pagesOf(dirty)).toEqual(changed);
      // A write that leaves the page as it was is rare in this guest.
      expect(count).toBeLessThanOrEqual(changed.length + 8);
      if (changed.length > 0) rounds++;
      expect(guest.harvest("ram", dirty)).toBe(0);
      before.set(guest.memory());
    }
    expect(rounds).toBe(ROUNDS);
  });
});

it("a log by hashes tells no references, counts no faults, and peeks", async () => {
  const guest = await logged({ tracking: "hash", boot: { multiboot: randomWriter(5, false) } });
  const into = PageBitmap.create(kernels, PAGES);
  const limits = { id: 1, region: "ram", windowNs: 0, pagesMax: PAGES } as const;
  const command = { kind: "sample", evidence: "references", ...limits, into } as const;
  expect(() => guest.sample(command)).toThrow(/does not tell which pages were only read/);
  const brake = { cpuShare: 1, stallPerFaultNs: 1000, stunAfterFaults: 0 };
  expect(() => guest.setBrake(brake)).toThrow(/does not count write faults/);
  guest.memory()[7 * 4096 + 5] = 1;
  const [list, mask] = [U32Buffer.create(kernels, 3), U32Buffer.create(kernels, 3)];
  list.set([8, 7, 6]);
  guest.peek("ram", list, mask);
  expect([...mask.view()]).toEqual([0, 1, 0]);
  expect(guest.harvest("ram", into)).toBe(1);
  guest.peek("ram", list, mask);
  expect([...mask.view()]).toEqual([0, 0, 0]);
});

describe("writes that do not pass the TLB", () => {
  const STOPPED = multibootImage([0xf4, 0xeb, 0xfd]); // next: hlt; jmp next

  it("are in the log: device buffers, and physical words across pages", async () => {
    const guest = await logged({ tracking: "tlb", boot: { multiboot: STOPPED } });
    const { cpu } = internalsOf(guest).emulator.v86;
    const dirty = PageBitmap.create(kernels, PAGES);
    const log = (): number[] => {
      guest.harvest("ram", dirty);
      return pagesOf(dirty);
    };
    cpu.write_blob(new Uint8Array(8194), 0x50_0fff);
    expect(log()).toEqual([0x500, 0x501, 0x502, 0x503]);
    cpu.write_blob(new Uint8Array(0), 0x50_0fff);
    expect(log()).toEqual([]);
    const writes = cpu as unknown as Record<string, (address: number, value: number) => void>;
    writes.write8?.(0x60_0fff, 1);
    expect(log()).toEqual([0x600]);
    writes.write16?.(0x60_0fff, 1);
    expect(log()).toEqual([0x600, 0x601]);
    writes.write32?.(0x60_0ffd, 1);
    expect(log()).toEqual([0x600, 0x601]);
    writes.write32?.(0x60_0ffc, 1);
    expect(log()).toEqual([0x600]);
  });

  it("are in the log: accessed and dirty bits that the walk sets in page tables", async () => {
    const guest = await logged({ tracking: "tlb", boot: { multiboot: FIRST_USES } });
    const dirty = PageBitmap.create(kernels, PAGES);
    await runFor(guest, 1e5);
    guest.harvest("ram", dirty);
    for (const { step, bits } of [
      { step: 1, bits: 0x20 },
      { step: 2, bits: 0x60 },
    ]) {
      await runFor(guest, 1e5);
      expect(guest.harvest("ram", dirty)).toBe(0);
      guest.memory()[STEP_AT] = step;
      await runFor(guest, 1e5);
      guest.harvest("ram", dirty);
      // The fourth entry, 4 MiB each; bit 5 accessed, bit 6 dirty.
      expect(wordAt(guest, 0x30_000c) & 0x60).toBe(bits);
      expect(pagesOf(dirty)).toEqual(step === 1 ? [0x300] : [0x300, 0xc00]);
    }
  });

  it("are in the log: the BIOS window below 4 GiB", async () => {
    const [bios, vgaBios] = [new Uint8Array(65536), new Uint8Array(512)];
    bios.set([0xeb, 0xfe], 65536 - 16); // the reset vector: jmp itself
    const guest = await logged({ tracking: "tlb", firmware: { bios, vgaBios } });
    expect(guest.describe().devices).toMatch(/^firmware, /);
    await runFor(guest, 1e4);
    const dirty = PageBitmap.create(kernels, PAGES);
    guest.harvest("ram", dirty);
    const { cpu } = internalsOf(guest).emulator.v86;
    cpu.memory_map_write8[0xffff_0010 >>> 17]?.(0xffff_0010, 0x5a);
    expect(guest.memory()[0xf_0010]).toBe(0x5a);
    guest.harvest("ram", dirty);
    expect(pagesOf(dirty)).toEqual([0xf0]);
  });
});

describe("contents that are put in", () => {
  it("replace code that v86 compiled", async () => {
    const at = 0x40_0000;
    const code = (value: number): number[] => [
      ...[0xc6, 0x05, 0x00, 0x00, 0x50, 0x00, value], // next: mov byte [0x500000], value
      ...[0xb9, 0x00, 0x10, 0x00, 0x00, 0x49, 0x75, 0xfd], // mov ecx, 4096; wait: dec ecx; jnz wait
      ...[0xeb, -17 & 255], //                         jmp next
    ];
    // mov eax, at; jmp eax
    const image = multibootImage([0xb8, 0x00, 0x00, 0x40, 0x00, 0xff, 0xe0]);
    const guest = await logged({ boot: { multiboot: image } });
    const page = new Uint8Array(4096);
    page.set(code(1));
    guest.writePage(at / 4096, page);
    await runFor(guest, 5e6);
    expect(guest.memory()[0x50_0000]).toBe(1);
    page.set(code(2));
    guest.writePage(at / 4096, page);
    await runFor(guest, 1e6);
    expect(guest.memory()[0x50_0000]).toBe(2);
    // As a page that arrives late: the log is not concerned.
    const dirty = PageBitmap.create(kernels, PAGES);
    guest.harvest("ram", dirty);
    page.set(code(3));
    guest.writePage(at / 4096, page);
    expect(guest.harvest("ram", dirty)).toBe(0);
  });
});
