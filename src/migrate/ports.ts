/**
 * The two machines that a migration runs between, as a driver sees them. The engine itself only
 * exchanges messages (messages.ts); a driver carries its commands out on these ports. Every page
 * call names a region, so that storage moves by the same machine as RAM.
 */
import type { PageBitmap, U32Buffer } from "../kernels/index.js";
import type { Brake } from "../policy/throttle.js";
import type { CommandOf, Region } from "./messages.js";

export interface MachineDescription {
  readonly name: string;
  readonly pages: number;
  readonly pageSizeBytes: number;
  readonly vcpus: number;
  readonly deviceStateBytes: number;
}

/** The machine that gives a guest away. */
export interface SourceMachine {
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
  /** Time that the guest executed, nanoseconds. */
  virtualNs(): number;
  /** Slows it; NO_BRAKE lets it run as it would. */
  setBrake(brake: Brake): void;
  pause(): void;
  resume(): void;
}

/** The machine that receives one. */
export interface TargetMachine {
  /** Reserves the guest's memory, or refuses before anything moves. */
  prepare(pages: number): boolean;
  /** Takes pages as they were read: their numbers and what stands for their contents. */
  writePages(region: Region, pages: U32Buffer, contents: U32Buffer): void;
  /** The guest's memory here is the guest from now on. */
  run(): void;
  /** Frees what was reserved. */
  abort(): void;
}
