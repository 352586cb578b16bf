/**
 * What the conformance kit needs of who tests an implementation of the ports: machines to break,
 * time that passes, and a look at what pages hold. The kit brings no test framework.
 */
import type { Kernels } from "../../kernels/index.js";
import type { SourceMachine, TargetMachine } from "../ports.js";

/** A guest's two machines, for one check: nothing of it is used again. */
export interface PortsPair<Contents> {
  /** Of `precopy/kernels`, with `portsArenaBytes(pages)` free: lists and bitmaps lie there. */
  readonly kernels: Kernels;
  /** Its guest runs, and writes pages whenever it does. */
  readonly source: SourceMachine<Contents>;
  /** Fits the source's guest and has, where memory is counted, room for no second one. */
  readonly target: TargetMachine<Contents>;
  /** Room for what exactly so many pages hold. */
  contents(pages: number): Contents;
  /** Does entry `i` of `a` hold what entry `j` of `b` holds? */
  equal(a: Contents, i: number, b: Contents, j: number): boolean;
  /** Lets so much of the machines' time pass; guests that are not paused run in it. */
  pass(elapsedNs: number): void | Promise<void>;
  /**
   * How far the guest has come, in a measure of its own that moves with it (a counter in its
   * memory, lines that it has printed), as that machine shows it.
   */
  progress(at: "source" | "target"): number | Promise<number>;
  /** Writes to pages of the source's guest, running or not, so that their contents change. */
  write?(pages: readonly number[]): void | Promise<void>;
  close(): void | Promise<void>;
}

export interface PortsHarness<Contents> {
  open(): PortsPair<Contents> | Promise<PortsPair<Contents>>;
  /** Time to let pass at once: the guest writes a few pages in it, and seldom all. */
  readonly busyNs: number;
  /** Does a span of time give a running guest about as much to run every time? Brakes show then. */
  readonly steadyTime: boolean;
  /** Do pairs have `write`? */
  readonly directWrites: boolean;
  /** Does a target take guests of one size only? */
  readonly oneSize: boolean;
}

/** One thing that the ports promise. */
export interface PortsCheck {
  /** The promise, as a sentence. */
  readonly name: string;
  /** @throws ConformanceError if the machines break the promise. */
  run(): Promise<void>;
}

/** A machine breaks what the ports promise; the message says how. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}
