/**
 * The Wasm module's exports as they are: numbers in, numbers out, pointers into the arena. Results
 * that are u32 arrive as signed numbers; the facade adds `>>> 0`. Names and arguments are those of
 * the files in assembly/.
 */

/** A pointer into the arena, in bytes. */
export type Pointer = number;

export interface RawExports {
  readonly memory: WebAssembly.Memory;

  bitmapCount(bits: Pointer, bytes: number): number;
  bitmapOr(out: Pointer, a: Pointer, b: Pointer, bytes: number): number;
  bitmapAnd(out: Pointer, a: Pointer, b: Pointer, bytes: number): number;
  bitmapAndNot(out: Pointer, a: Pointer, b: Pointer, bytes: number): number;
  bitmapCountAnd(a: Pointer, b: Pointer, bytes: number): number;
  bitmapCountAndNot(a: Pointer, b: Pointer, bytes: number): number;
  bitmapHarvest(bits: Pointer, shadow: Pointer, bytes: number): number;
  bitmapIsSubset(a: Pointer, b: Pointer, bytes: number): number;
  bitmapSetRange(bits: Pointer, first: number, count: number): void;

  bitmapToPages(bits: Pointer, bytes: number, out: Pointer): number;
  bitmapNextPages(bits: Pointer, bytes: number, from: number, max: number, out: Pointer): number;
  bitmapNextPermuted(
    bits: Pointer,
    pages: number,
    from: number,
    max: number,
    out: Pointer,
    state: Pointer,
  ): void;
  bitmapRuns(bits: Pointer, bytes: number, out: Pointer): number;
  bitmapRunCount(bits: Pointer, bytes: number): number;
  bitmapNextSet(bits: Pointer, bytes: number, from: number): number;

  bitmapMask(bits: Pointer, list: Pointer, count: number, mask: Pointer): number;
  bitmapSetList(bits: Pointer, list: Pointer, count: number): number;
  bitmapClearList(bits: Pointer, list: Pointer, count: number): number;
  bitmapRemoveSet(bits: Pointer, list: Pointer, count: number): number;
  listMax(list: Pointer, count: number): number;

  guestTouch(guest: Pointer, list: Pointer, count: number, now: number, flag: number): void;
  guestWorkingSet(guest: Pointer, now: number, tau: number, out: Pointer): number;
  accessMarkWrites(list: Pointer, count: number, bits: Pointer): void;

  versionsGather(versions: Pointer, list: Pointer, count: number, out: Pointer): void;
  versionsScatter(versions: Pointer, list: Pointer, count: number, values: Pointer): void;
  versionsCountEqual(versions: Pointer, list: Pointer, count: number, values: Pointer): number;
  versionsCountDiffering(a: Pointer, b: Pointer, bytes: number): number;
  versionsFirstDiffering(a: Pointer, b: Pointer, bytes: number): number;
  versionsFill(versions: Pointer, pages: number, value: number): void;
  versionsSum(versions: Pointer, pages: number): number;

  workloadRun(workload: Pointer, guest: Pointer, count: number, now: number): void;
  workloadMark(workload: Pointer, count: number, bits: Pointer): void;
  workloadDraw(workload: Pointer, count: number, out: Pointer): void;
  zipfBuild(table: Pointer, pages: number, exponent: number, seed: number): void;
  traceShuffle(trace: Pointer, written: number, length: number): void;

  randomFill(state: Pointer, out: Pointer, count: number): void;
  randomScale(list: Pointer, count: number, n: number): void;
  power(base: number, exponent: number): number;
}

/** The typed control calls, bound by as-bind (assembly/control.ts). */
export interface ControlCalls {
  describe(): string;
  configureWorkload(
    workload: Pointer,
    kind: string,
    firstPage: number,
    pages: number,
    hotPages: number,
    hotFraction: number,
    writeFraction: number,
  ): number;
}
