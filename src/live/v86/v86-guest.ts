/**
 * A real x86 guest, in this process: the npm package v86 as a machine that a migration takes a
 * guest from and brings one to. The caller passes v86's class and its WebAssembly; nothing is
 * imported here, so it runs in Node, in a page and in a worker.
 *
 *   create ──> (boot | empty) ──> resume ⇄ pause ──> release
 *                     └─> prepare ──> writePages, loadDeviceState ──> run
 *
 * The guest runs in turns of about a millisecond on the thread that calls this (guest-turns.ts), so
 * that every reading of memory and of the log is atomic for it, and so that what its own migration
 * does takes time from it; {@link V86Guest.guestNs} tells how much it got.
 */
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { NS_PER_MS, PAGE_SIZE_BYTES } from "../../base/units.js";
import type { PageBitmap, U32Buffer } from "../../kernels/index.js";
import type { CommandOf, Region } from "../../migrate/messages.js";
import type { MachineDescription, SourceMachine, TargetMachine } from "../../migrate/ports.js";
import type { Brake } from "../../policy/throttle.js";
import { AbsentPages } from "./absent-pages.js";
import { INPUT_BYTES_MAX, restoreState, saveState } from "./device-state.js";
import { TlbTracking } from "./dirty-tracking.js";
import { type LoadedEmulator, loadEmulator } from "./emulator.js";
import { checkRegion } from "./guest-memory.js";
import { GuestTurns } from "./guest-turns.js";
import { HashTracking } from "./page-hash.js";
import type { PageTracking } from "./page-tracking.js";
import { buildOf, bytesOf, type V86Build } from "./v86-build.js";
import { checkedOptions, devicesOf, type V86GuestOptions } from "./v86-options.js";

/**
 * Virtual time of one instruction, nanoseconds: nominal. What a policy makes of virtual time is
 * ages and intervals, for which it has to go on only as the guest does; v86 runs 300 to 900 million
 * instructions a second where it was measured, so that 1 ns is of the size of the real one.
 */
const NS_PER_INSTRUCTION = 1;

type V86Machine = SourceMachine<Uint8Array> & TargetMachine<Uint8Array>;

export class V86Guest implements V86Machine {
  /** "tlb": exact, with referenced bits; "hash": changed contents only. */
  readonly tracking: "tlb" | "hash";
  /** Why `tracking: "auto"` came to "hash"; undefined else. */
  readonly fallbackReason: string | undefined;
  private readonly name: string;
  private readonly turns: GuestTurns;
  private logging = false;
  private destroyed = false;
  /** Loading a state began and failed: it is neither what it was nor what it should be. */
  private torn = false;
  private stateBytes: number | undefined;
  private absent: AbsentPages | undefined;
  private readonly serialListeners: ((byte: number) => void)[] = [];

  /**
   * Makes a guest that does not run yet. Throws PrecopyError: "bad-input" for an option out of its
   * range or a state that does not fit, "unsupported" for a build of v86 that cannot be used.
   */
  static async create(options: V86GuestOptions): Promise<V86Guest> {
    const made = checkedOptions(options);
    const build = await buildOf(options.V86, options.wasm, options.tracking ?? "auto");
    const loaded = await loadEmulator(options.V86, build.module, made);
    const log =
      build.tracking === "tlb"
        ? new TlbTracking(loaded.emulator.v86.cpu, loaded.exports, loaded.memory)
        : await HashTracking.create(loaded.exports, loaded.memory);
    const guest = new V86Guest(options, build, loaded, log, devicesOf(made));
    if (options.boot === undefined || !("state" in options.boot)) return guest;
    try {
      guest.restore(bytesOf(options.boot.state), true);
      return guest;
    } catch (error) {
      await guest.destroy();
      throw error;
    }
  }

  private constructor(
    private readonly options: V86GuestOptions,
    private readonly build: V86Build,
    private readonly loaded: LoadedEmulator,
    private readonly log: PageTracking,
    private readonly devices: string,
  ) {
    this.name = options.name ?? "v86";
    this.tracking = log.kind;
    this.fallbackReason = build.fallbackReason;
    this.turns = new GuestTurns(loaded.emulator, log.firstWrites);
    loaded.emulator.add_listener("serial0-output-byte", (byte) => {
      for (const listener of this.serialListeners) listener(byte);
    });
  }

  get pages(): number {
    return this.loaded.memory.pages;
  }

  /** Turns are being taken; a guest that halted runs, too. */
  get running(): boolean {
    return this.loaded.emulator.v86.running;
  }

  /** All of RAM, live until v86's memory grows: hold it over no `await`. */
  memory(): Uint8Array {
    return this.loaded.memory.bytes();
  }

  /** One page, live, as {@link memory} is. */
  page(pfn: number): Uint8Array {
    return this.loaded.memory.page(pfn);
  }

  /** Puts contents (4,096 bytes) into a page, past the TLB's log; a log by hashes sees it. */
  writePage(pfn: number, contents: Uint8Array): void {
    assert(contents.length === PAGE_SIZE_BYTES, `${contents.length} bytes are a page`);
    this.page(pfn).set(contents);
    this.forgetCode(pfn);
  }

  /** Instructions executed here. */
  instructions(): number {
    return this.turns.instructions;
  }

  /** Wall time within the guest's turns, nanoseconds. */
  guestNs(): number {
    return Math.round(this.turns.ranNs);
  }

  /** Wall time that the guest halted, of its own will, nanoseconds. */
  idleNs(): number {
    return Math.round(this.turns.idleNs);
  }

  /** Calls back with each byte that the guest sends on its first serial port. */
  onSerial(listener: (byte: number) => void): void {
    this.serialListeners.push(listener);
  }

  /**
   * Types at the guest's first serial port; characters up to U+00FF. Throws PrecopyError ("limit")
   * where the guest leaves more unread than travels with it.
   */
  sendSerial(text: string): void {
    const unread = this.loaded.emulator.v86.cpu.devices.uart0.input.length;
    if (unread + text.length > INPUT_BYTES_MAX) {
      throw new PrecopyError(
        "limit",
        `the guest has left ${unread} characters unread and ${text.length} more would pass ` +
          `${INPUT_BYTES_MAX}; send them once it reads`,
      );
    }
    this.loaded.emulator.serial0_send(text);
  }

  describe(): MachineDescription {
    this.stateBytes ??= saveState(this.between(), false).length;
    return {
      name: this.name,
      kind: "v86",
      version: this.build.version,
      devices: this.devices,
      pages: this.pages,
      pageSizeBytes: PAGE_SIZE_BYTES,
      vcpus: 1,
      deviceStateBytes: this.stateBytes,
    };
  }

  /**
   * It can run while pages are absent: on the tested build of v86 alone, since what the compiler
   * inlined decides whether every access is seen beforehand.
   */
  get canAwaitPages(): boolean {
    return this.tracking === "tlb" && this.build.isTested;
  }

  /**
   * These pages are absent: from now on an access to one of them, the guest's or a device's, calls
   * `wait`, which blocks until the page has come and was put in its place (AbsentPages.arrive). The
   * guest must not run yet. Until {@link AbsentPages.end} it cannot be moved or saved. Throws
   * PrecopyError ("unsupported") where it cannot wait.
   */
  awaitPages(pages: Uint32Array, wait: (pfn: number) => void): AbsentPages {
    assert(!this.running && !this.holdsAbsent, "pages are absent from before a guest runs");
    if (!this.canAwaitPages || !(this.log instanceof TlbTracking)) throw this.cannotWait();
    const absent = new AbsentPages(this.loaded, this.log, pages, (pfn) => {
      const fromMs = performance.now();
      try {
        wait(pfn);
      } finally {
        this.turns.waitedNs += (performance.now() - fromMs) * NS_PER_MS;
      }
    });
    this.absent = absent;
    this.turns.before = () => absent.waitForVectors();
    return absent;
  }

  enableLogDirty(): void {
    this.between();
    this.assertWhole();
    this.log.start();
    this.logging = true;
  }

  disableLogDirty(): void {
    this.logging = false;
  }

  harvest(region: Region, into: PageBitmap): number {
    this.checkLog(region);
    return this.log.harvest(into);
  }

  peek(region: Region, pages: U32Buffer, mask: U32Buffer): void {
    this.checkLog(region);
    this.log.peek(pages, mask);
  }

  sample(command: CommandOf<"sample">): number {
    this.checkLog(command.region);
    const { references } = this.log;
    if (command.evidence === "references" && references !== undefined) {
      return references(command.into);
    }
    throw new PrecopyError(
      "unsupported",
      command.evidence === "references"
        ? "a log by hashes does not tell which pages were only read; use a predictor of writes, or " +
            `tracking "tlb" on v86 0.5.462`
        : `no hardware tells "${command.evidence}" of a real guest; use a predictor of writes or ` +
            "of references",
    );
  }

  readPages(region: Region, pages: U32Buffer, into: Uint8Array): void {
    this.between();
    this.loaded.memory.read(region, pages, into);
  }

  /** Executed instructions, at a nominal nanosecond each. */
  virtualNs(): number {
    return this.turns.instructions * NS_PER_INSTRUCTION;
  }

  /**
   * Lengthens the pauses between the guest's turns. `stunAfterFaults` is ignored: it is for a
   * writer (process) of the guest, which cannot be told from another outside of it. Throws
   * PrecopyError where first writes are not counted and a stall is asked for.
   */
  setBrake(brake: Brake): void {
    if (brake.stallPerFaultNs > 0 && this.log.firstWrites === undefined) {
      throw new PrecopyError(
        "unsupported",
        "a log by hashes does not count write faults, so that none can be stalled; throttle the " +
          "CPU instead",
      );
    }
    this.turns.setBrake(brake);
  }

  /** Stops between turns: at once, or, called from the guest's own output, after its turn. */
  pause(): void | Promise<void> {
    return this.turns.stop();
  }

  resume(): void {
    assert(!this.destroyed, "a guest that was released does not run");
    assert(!this.torn, "a guest whose state could not be loaded does not run");
    this.turns.start();
  }

  deviceState(): Uint8Array {
    assert(!this.running, "device state is that of a guest that is paused");
    this.assertWhole();
    const state = saveState(this.loaded.emulator, false);
    this.stateBytes = state.length;
    return state;
  }

  /** Everything, to start such a guest from (`boot: {state}`); between turns it need not be paused. */
  saveState(): Uint8Array {
    this.assertWhole();
    return saveState(this.between(), true);
  }

  prepare(guest: MachineDescription): string | undefined {
    const own = this.describe();
    const differs = (["kind", "version", "devices", "pages", "pageSizeBytes", "vcpus"] as const)
      .filter((key) => own[key] !== guest[key])
      .map((key) => `${key} "${guest[key]}" there and "${own[key]}" here`);
    if (differs.length > 0) return `${guest.name} does not fit ${own.name}: ${differs.join(", ")}`;
    assert(!this.running, "a guest moves to a machine that does not run");
    this.loaded.emulator.v86.cpu.zero_memory(0, this.loaded.memory.sizeBytes);
    return undefined;
  }

  writePages(region: Region, pages: U32Buffer, contents: Uint8Array): void {
    this.loaded.memory.write(region, pages, contents);
    // Loading the device state drops what was compiled before.
    if (this.running) for (const pfn of pages.view()) this.forgetCode(pfn);
  }

  /** May be called more than once; the last one counts. */
  loadDeviceState(state: Uint8Array): void {
    this.restore(state, false);
  }

  run(): void {
    this.resume();
  }

  /** Leaves an empty machine, which can be prepared again, or destroyed if nothing is to come. */
  abort(): void | Promise<void> {
    return this.pause();
  }

  release(): Promise<void> {
    return this.destroy();
  }

  /** Stops it for good and gives its memory back. */
  async destroy(): Promise<void> {
    if (this.destroyed) return;
    this.destroyed = true;
    await this.pause();
    await this.loaded.emulator.destroy();
  }

  private restore(state: Uint8Array, withMemory: boolean): void {
    this.torn = true;
    restoreState(this.loaded.emulator, state, { withMemory, without: this.options.without });
    this.torn = false;
  }

  /** Drops the code that v86 compiled from a page. */
  private forgetCode(pfn: number): void {
    const from = pfn * PAGE_SIZE_BYTES;
    this.loaded.emulator.v86.cpu.jit_dirty_cache(from, from + PAGE_SIZE_BYTES);
  }

  private get holdsAbsent(): boolean {
    return this.absent !== undefined && this.absent.count > 0;
  }

  private assertWhole(): void {
    assert(!this.holdsAbsent, "a guest with absent pages is not read");
  }

  private cannotWait(): PrecopyError {
    return new PrecopyError(
      "unsupported",
      `${this.name} cannot run while pages are absent: it is ${this.build.version} with its log by ` +
        `"${this.tracking}", and only 0.5.462 with its log by "tlb" was tested for it; use those, or ` +
        "a strategy without post-copy",
    );
  }

  private checkLog(region: Region): void {
    checkRegion(region);
    assert(this.logging, "the log is read while it is on");
    this.between();
  }

  /** The emulator, which is not within a turn. */
  private between(): LoadedEmulator["emulator"] {
    assert(!this.turns.turning, "a guest is looked at between its turns");
    return this.loaded.emulator;
  }
}
