/**
 * A guest that runs while some of its pages are absent (post-copy): each access to one waits until
 * the page has come. v86 runs on one thread and an access cannot be left half done, so the wait
 * blocks this thread, within v86's page walk (tlb-fill-patch.ts, the hook).
 *
 * An access reaches a page of RAM by one of these ways, and each asks here first:
 *
 *   the guest's, interpreted or compiled   TLB fill, `USE`; the TLB is empty when pages are absent
 *   instructions, and what the compiler    TLB fill, `USE`; the compiler's without side effects
 *   reads ahead of them
 *   page directories and tables, and the   `WALK`: this file goes the way that the walk will go
 *   accessed and dirty bits set in them
 *   the tables of PAE paging               `read64s`, `USE`
 *   interrupt vectors in real mode         read at address 0 past the walk: page 0 comes first
 *   devices                                device-accesses.ts
 *
 * (copy/v86, src/rust/cpu/cpu.rs: do_page_walk, load_pdpte, call_interrupt_vector; memory.rs: read64s.)
 */
import { assert } from "../../base/assert.js";
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import { onDeviceAccess } from "./device-accesses.js";
import type { TlbTracking } from "./dirty-tracking.js";
import type { LoadedEmulator } from "./emulator.js";
import { ABSENT, HOOK, PATCH_WORDS } from "./tlb-fill-patch.js";

/** Thrown by who waits for a page that will not come: the guest stops where it is, for good. */
export class GuestGone extends Error {
  override readonly name = "GuestGone";
}

/** Intel 64 and IA-32 SDM, volume 3, 2.5 (control registers) and 4.3 (32-bit paging). */
const CR0_PG = 2 ** 31;
const CR4_PSE = 1 << 4;
const CR4_PAE = 1 << 5;
const PRESENT = 1;
const LARGE = 1 << 7;
const INTERRUPT_VECTORS = 0;

export class AbsentPages {
  private left: number;
  private readonly undo: () => void;
  private readonly crAt: number;
  private words: Uint32Array;
  private ram: Uint32Array;

  /**
   * @param pages the absent ones; the guest does not run
   * @param wait blocks until the page has come and was put in its place by {@link arrive}; throws
   *   {@link GuestGone} where it will not come
   */
  constructor(
    private readonly loaded: LoadedEmulator,
    private readonly log: TlbTracking,
    pages: Uint32Array,
    private readonly wait: (pfn: number) => void,
  ) {
    const { cpu } = loaded.emulator.v86;
    this.crAt = cpu.cr.byteOffset;
    [this.words, this.ram] = this.views();
    this.left = pages.length;
    const flags = log.flags();
    for (const pfn of pages) {
      const flag = flags[pfn];
      assert(flag !== undefined && (flag & ABSENT) === 0, "pages are RAM, each listed once");
      flags[pfn] = flag | ABSENT;
    }
    const slot = loaded.table.grow(1);
    loaded.table.set(
      slot,
      callable((what, value) => this.asked(what, value)),
    );
    this.setHook(slot);
    const endDevices = onDeviceAccess(cpu, (pfn) => this.use(pfn));
    this.undo = () => {
      endDevices();
      this.setHook(0);
      loaded.table.set(slot, null);
    };
    // What is mapped already was mapped before its page was absent.
    cpu.full_clear_tlb();
  }

  /** Pages that are absent still. */
  get count(): number {
    return this.left;
  }

  isAbsent(pfn: number): boolean {
    return ((this.log.flags()[pfn] ?? 0) & ABSENT) !== 0;
  }

  /** Waits for what the guest may read past every check; as a part of a turn, before the rest. */
  waitForVectors(): void {
    this.use(INTERRUPT_VECTORS);
  }

  /**
   * Puts an absent page in its place. No code of it was compiled (its bytes were never read), so
   * none has to be forgotten, which could not be done amid a page walk.
   */
  arrive(pfn: number, contents: Uint8Array): void {
    assert(this.isAbsent(pfn), "what arrives is awaited");
    assert(contents.length === PAGE_SIZE_BYTES, "4,096 bytes are a page");
    this.loaded.memory.page(pfn).set(contents);
    const flags = this.log.flags();
    flags[pfn] = (flags[pfn] as number) & ~ABSENT;
    this.left--;
  }

  /** Nothing is absent any more: the guest runs as any other from now on. */
  end(): void {
    assert(this.left === 0, `${this.left} pages are absent`);
    this.undo();
  }

  private asked(what: number, value: number): void {
    if (what === HOOK.WALK) this.walk(value >>> 0);
    else this.use(value >>> 0);
  }

  private use(pfn: number): void {
    if (!this.isAbsent(pfn)) return;
    this.wait(pfn);
    assert(!this.isAbsent(pfn), "a page is there after the wait");
  }

  /** Waits for the tables by which an address will be looked up, four bytes an entry. */
  private walk(address: number): void {
    if (this.words.buffer !== this.loaded.memory.memory.buffer) {
      [this.words, this.ram] = this.views();
    }
    const cr4 = this.control(4);
    if ((this.control(0) & CR0_PG) === 0 || (cr4 & CR4_PAE) !== 0) return;
    const entry = this.entryAt(this.control(3) + (address >>> 22) * 4);
    if ((entry & PRESENT) === 0 || ((entry & LARGE) !== 0 && (cr4 & CR4_PSE) !== 0)) return;
    this.entryAt(((entry & ~0xfff) >>> 0) + ((address >>> 12) & 1023) * 4);
  }

  /** A word of a table; 0 outside RAM, where no table lies. */
  private entryAt(address: number): number {
    this.use(Math.floor(address / PAGE_SIZE_BYTES));
    return this.ram[Math.floor(address / 4)] ?? 0;
  }

  private control(register: number): number {
    return this.words[(this.crAt >>> 2) + register] as number;
  }

  private setHook(slot: number): void {
    new Uint32Array(this.loaded.memory.memory.buffer, PATCH_WORDS.hook, 1)[0] = slot;
  }

  /** v86's memory, and RAM within it. */
  private views(): [Uint32Array, Uint32Array] {
    const { memory, ramBase, sizeBytes } = this.loaded.memory;
    return [
      new Uint32Array(memory.buffer, 0, ramBase >>> 2),
      new Uint32Array(memory.buffer, ramBase, sizeBytes / 4),
    ];
  }
}

/**
 * A function that a table takes: tables hold functions of modules alone, so this is the module that
 * imports one of JavaScript's, (i32, i32) -> (), and exports it again.
 */
function callable(run: (what: number, value: number) => void): WebAssembly.ExportValue {
  const module = new WebAssembly.Module(
    Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      // Type 0; import "e" "f" of type 0; export it as "f".
      ...[0x01, 0x06, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x00],
      ...[0x02, 0x07, 0x01, 0x01, 0x65, 0x01, 0x66, 0x00, 0x00],
      ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
    ]),
  );
  const { f } = new WebAssembly.Instance(module, { e: { f: run } }).exports;
  return f as WebAssembly.ExportValue;
}
