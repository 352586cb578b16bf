/**
 * A guest that can be calculated: what its memory holds after n turns is a function of its seed and
 * n, so that a machine which has it can be held against that, whatever moved it there. Machines for
 * it keep every port's promise and watch the driver: never two that run, none after its release.
 */
import { mix32, Random } from "../../src/base/random.js";
import type { PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import type { ArrivalMachine } from "../../src/live/arrival-room.js";
import type { CommandOf, Region } from "../../src/migrate/messages.js";
import type { MachineDescription, SourceMachine } from "../../src/migrate/ports.js";
import type { Brake } from "../../src/policy/throttle.js";

const PAGE_BYTES = 4096;
const STATE_BYTES = 16;
const WRITES_PER_TURN = 3;

/** What every machine of one trial shares. */
export class FakeHost {
  /** What must never be; empty at the end. */
  readonly violations: string[] = [];
  readonly running = new Set<FakeMachine>();

  constructor(
    readonly seed: number,
    readonly pages: number,
    /** Longest that a call which may take a while takes; 0: all answer at once. */
    readonly slowMs = 0,
  ) {}

  wrong(what: string): void {
    this.violations.push(what);
  }
}

/** Memory after so many turns, calculated turn by turn: the slow obvious model. */
export function memoryAfter(host: FakeHost, turns: number): Uint8Array {
  const memory = firstMemory(host);
  for (let n = 1; n <= turns; n++) {
    for (const page of pagesOf(host, n)) writeTurn(memory, page, n);
  }
  return memory;
}

/** A third of it zero, a third compressible, a third not; some pages equal. */
function firstMemory({ seed, pages }: FakeHost): Uint8Array {
  const memory = new Uint8Array(pages * PAGE_BYTES);
  const words = new Uint32Array(memory.buffer);
  for (let page = 0; page < pages; page++) {
    const random = new Random(mix32(seed) ^ (page % 7 === 3 ? 3 : page));
    const kind = page % 3;
    for (let i = 0; kind > 0 && i < PAGE_BYTES / 4; i += kind === 1 ? 16 : 1) {
      words[(page * PAGE_BYTES) / 4 + i] = random.next();
    }
  }
  return memory;
}

/** Mostly among an eighth of the pages. */
function pagesOf({ seed, pages }: FakeHost, turn: number): number[] {
  const random = new Random(mix32(seed ^ 0x5eed) ^ turn);
  return Array.from({ length: WRITES_PER_TURN }, () =>
    random.below(random.below(8) === 0 ? pages : Math.ceil(pages / 8)),
  );
}

/** Depends on what was there: a turn that is lost or done twice shows for good. */
function writeTurn(memory: Uint8Array, page: number, turn: number): void {
  const words = new Uint32Array(memory.buffer, memory.byteOffset + page * PAGE_BYTES, 1024);
  const at = mix32(turn ^ mix32(page)) % 1000;
  for (let i = 0; i < 8; i++) words[at + i] = mix32((words[at + i] as number) + turn + i);
  if (turn % 11 === 0) words.fill(0, 0, 900);
}

export interface FakeOptions {
  /** It can run while pages are absent. */
  readonly faults?: boolean;
  readonly boots?: boolean;
  readonly name?: string;
  /** Called in each port call that may take a while; what it throws, the call fails with. */
  readonly hook?: (call: string) => void;
  readonly description?: Partial<MachineDescription>;
  /** The guest has done a turn. */
  readonly turned?: (turns: number) => void;
}

export class FakeMachine implements SourceMachine<Uint8Array> {
  readonly memory: Uint8Array;
  turns = 0;
  isRunning = false;
  everRan = false;
  released = false;
  destroyed = false;
  brake: Brake | undefined;
  logging = false;
  private readonly dirty: Uint8Array;
  private readonly touched: Uint8Array;
  private absent: Set<number> | undefined;
  private asked = new Set<number>();
  private fault: (page: number) => void = () => {};
  private readonly random: Random;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly host: FakeHost,
    readonly options: FakeOptions = {},
  ) {
    this.memory =
      options.boots === true ? firstMemory(host) : new Uint8Array(host.pages * PAGE_BYTES);
    this.dirty = new Uint8Array(host.pages);
    this.touched = new Uint8Array(host.pages);
    this.random = new Random(host.seed ^ (options.boots === true ? 1 : 2));
  }

  /** As an arriving machine; with absent pages only if it can. */
  arrival(): ArrivalMachine {
    const { options } = this;
    const whole = this as unknown as ArrivalMachine & Record<string, unknown>;
    if (options.faults === true) return whole;
    return new Proxy(whole, {
      get: (target, key) => {
        if (key === "expectPages" || key === "allArrived") return undefined;
        const value = target[key as string];
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** Pages that differ from what the guest's turns make of them. */
  wrongPages(): number[] {
    const wanted = memoryAfter(this.host, this.turns);
    const wrong: number[] = [];
    for (let page = 0; page < this.host.pages; page++) {
      const from = page * PAGE_BYTES;
      const here = Buffer.from(this.memory.buffer, from, PAGE_BYTES);
      if (!here.equals(wanted.subarray(from, from + PAGE_BYTES))) wrong.push(page);
    }
    return wrong;
  }

  /** Nothing of it goes on. */
  stopForGood(): void {
    clearTimeout(this.timer);
    this.isRunning = false;
    this.host.running.delete(this);
  }

  describe(): MachineDescription {
    return {
      name: this.options.name ?? "fake",
      kind: "fake",
      version: "1",
      devices: "none",
      pages: this.host.pages,
      pageSizeBytes: PAGE_BYTES,
      vcpus: 1,
      deviceStateBytes: STATE_BYTES,
      ...this.options.description,
    };
  }

  enableLogDirty(): void {
    this.dirty.fill(0);
    this.logging = true;
  }

  disableLogDirty(): void {
    this.logging = false;
  }

  harvest(_region: Region, into: PageBitmap): number {
    this.check("harvest");
    const count = list(this.dirty, into);
    this.dirty.fill(0);
    return count;
  }

  peek(_region: Region, pages: U32Buffer, mask: U32Buffer): void {
    mask.set([...pages.view()].map((page) => this.dirty[page] as number));
  }

  sample({ into }: CommandOf<"sample">): number {
    const count = list(this.touched, into);
    this.touched.fill(0);
    return count;
  }

  readPages(_region: Region, pages: U32Buffer, into: Uint8Array): void {
    this.check("readPages");
    pages.view().forEach((page, i) => {
      const from = page * PAGE_BYTES;
      into.set(this.memory.subarray(from, from + PAGE_BYTES), i * PAGE_BYTES);
    });
  }

  virtualNs(): number {
    return this.turns * 1_000_000;
  }

  setBrake(brake: Brake): void {
    this.brake = brake;
  }

  pause(): void | Promise<void> {
    return this.slowly("pause", () => {
      clearTimeout(this.timer);
      this.isRunning = false;
      this.host.running.delete(this);
    });
  }

  resume(): void | Promise<void> {
    return this.slowly("resume", () => this.go());
  }

  deviceState(): Uint8Array | Promise<Uint8Array> {
    return this.slowly("deviceState", () => {
      if (this.isRunning) this.host.wrong("device state of a machine that runs");
      const state = new Uint8Array(STATE_BYTES);
      new DataView(state.buffer).setUint32(0, this.turns);
      return state;
    });
  }

  release(): void {
    this.check("release");
    if (this.isRunning) this.host.wrong("released while it runs");
    this.released = true;
  }

  prepare(): string | undefined | Promise<string | undefined> {
    return this.slowly("prepare", () => undefined);
  }

  writePages(_region: Region, pages: U32Buffer, contents: Uint8Array): void {
    this.options.hook?.("writePages");
    if (this.destroyed) this.host.wrong("a page is written to a machine that was given back");
    pages.view().forEach((page, i) => {
      if (this.everRan && this.absent?.has(page) !== true) {
        this.host.wrong(`page ${page} came again to a guest that runs`);
      }
      this.absent?.delete(page);
      this.memory.set(contents.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES), page * PAGE_BYTES);
    });
  }

  loadDeviceState(state: Uint8Array): void | Promise<void> {
    return this.slowly("loadDeviceState", () => {
      this.turns = new DataView(state.buffer, state.byteOffset).getUint32(0);
    });
  }

  run(): void | Promise<void> {
    return this.slowly("run", () => {
      this.everRan = true;
      this.go();
    });
  }

  abort(): void | Promise<void> {
    return this.slowly("abort", () => this.stopForGood());
  }

  destroy(): void {
    this.destroyed = true;
    this.stopForGood();
  }

  expectPages(missing: PageBitmap, fault: (page: number) => void): void {
    this.absent = new Set();
    for (let page = 0; page < missing.pages; page++) if (missing.has(page)) this.absent.add(page);
    this.fault = fault;
  }

  allArrived(): void {
    if (this.absent !== undefined && this.absent.size > 0)
      this.host.wrong("pages are absent still");
  }

  private go(): void {
    this.check("run");
    const { running } = this.host;
    running.add(this);
    if (running.size > 1) this.host.wrong("two machines run");
    this.isRunning = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.turn(), 1);
  }

  private turn(): void {
    this.timer = setTimeout(() => this.turn(), 1);
    const share = this.brake?.cpuShare ?? 1;
    if (this.random.unit() >= share) return;
    const pages = pagesOf(this.host, this.turns + 1);
    const missing = pages.filter((page) => this.absent?.has(page) === true);
    for (const page of missing) {
      if (this.asked.has(page)) continue;
      this.asked.add(page);
      this.fault(page);
    }
    if (missing.length > 0) return;
    this.turns++;
    this.options.turned?.(this.turns);
    for (const page of pages) {
      writeTurn(this.memory, page, this.turns);
      this.dirty[page] = 1;
      this.touched[page] = 1;
    }
  }

  private check(call: string): void {
    if (this.released) this.host.wrong(`${call} of a machine that was released`);
    if (this.destroyed) this.host.wrong(`${call} of a machine that was given back`);
  }

  /** At once, or in a while. */
  private slowly<T>(call: string, act: () => T): T | Promise<T> {
    const { slowMs } = this.host;
    if (slowMs === 0 || this.random.below(2) === 0) {
      this.options.hook?.(call);
      return act();
    }
    const ms = this.random.below(slowMs + 1);
    return new Promise<void>((resolve) => setTimeout(resolve, ms)).then(() => {
      this.options.hook?.(call);
      return act();
    });
  }
}

function list(flags: Uint8Array, into: PageBitmap): number {
  into.reset();
  let count = 0;
  flags.forEach((flag, page) => {
    if (flag === 0) return;
    into.set(page);
    count++;
  });
  return count;
}
