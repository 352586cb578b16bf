/**
 * The two machines that a migration runs between, as a driver sees them. The engine itself only
 * exchanges messages (messages.ts); a driver carries its commands out on these ports. Every page
 * call names a region, so that storage moves by the same machine as RAM, and takes a batch.
 *
 * `Contents` is what stands for the contents of pages: version numbers in the model (one u32 a
 * page), the bytes themselves on a real machine (4,096 a page, in the order of the list). What the
 * model answers at once may take a real machine a while: those calls may return a promise.
 */
import type { PageBitmap, U32Buffer } from "../kernels/index.js";
import type { Brake } from "../policy/throttle.js";
import type { CommandOf, Region } from "./messages.js";

export interface MachineDescription {
  readonly name: string;
  /** What it runs on and in which version: a guest moves between equal ones alone. */
  readonly kind: string;
  readonly version: string;
  /** Its devices, as far as the version does not fix them. */
  readonly devices: string;
  readonly pages: number;
  readonly pageSizeBytes: number;
  readonly vcpus: number;
  /** As far as it is known beforehand. */
  readonly deviceStateBytes: number;
}

/** The machine that gives a guest away. */
export interface SourceMachine<Contents> {
  describe(): MachineDescription;
  /** Starts logging writes, every page clean. */
  enableLogDirty(): void;
  disableLogDirty(): void;
  /** Reads, clears and re-arms the log; returns the number of pages in it. */
  harvest(region: Region, into: PageBitmap): number;
  /** mask[i] := is page i of the list in the log? */
  peek(region: Region, pages: U32Buffer, mask: U32Buffer): void;
  /** Evidence beside the log (workingset/predictor.ts); returns the number of pages. */
  sample(command: CommandOf<"sample">): number;
  /** Copies what the pages hold now. A write that comes later is in the log. */
  readPages(region: Region, pages: U32Buffer, into: Contents): void;
  /** Time that the guest executed, nanoseconds. */
  virtualNs(): number;
  /** Slows it; NO_BRAKE lets it run as it would. */
  setBrake(brake: Brake): void;
  /** From its end on nothing changes in memory or devices. */
  pause(): void | Promise<void>;
  resume(): void | Promise<void>;
  /** State of CPUs and devices without any memory, of a machine that is paused. */
  deviceState(): Uint8Array | Promise<Uint8Array>;
  /** The guest lives elsewhere now: gives back what it held here. It never runs here again. */
  release(): void | Promise<void>;
}

/** The machine that receives one. */
export interface TargetMachine<Contents> {
  /** Reserves the guest's memory, or says why not, before anything moves. */
  prepare(guest: MachineDescription): string | undefined | Promise<string | undefined>;
  readPages(region: Region, pages: U32Buffer, into: Contents): void;
  writePages(region: Region, pages: U32Buffer, contents: Contents): void;
  /** Takes what {@link SourceMachine.deviceState} gave. */
  loadDeviceState(state: Uint8Array): void | Promise<void>;
  /** The guest's memory here is the guest from now on. */
  run(): void | Promise<void>;
  /** Frees what was reserved; the machine can be prepared again. */
  abort(): void | Promise<void>;
}
