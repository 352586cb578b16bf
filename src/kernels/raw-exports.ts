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
  bitmapPreviousPages(bits: Pointer, from: number, max: number, out: Pointer): number;
  bitmapPrevSet(bits: Pointer, from: number): number;

  bitmapMask(bits: Pointer, list: Pointer, count: number, mask: Pointer): number;
  bitmapSetList(bits: Pointer, list: Pointer, count: number): number;
  bitmapClearList(bits: Pointer, list: Pointer, count: number): number;
  bitmapRemoveSet(bits: Pointer, list: Pointer, count: number): number;
  listMax(list: Pointer, count: number): number;

  guestTouch(guest: Pointer, list: Pointer, count: number, now: number, flag: number): void;
  guestTouchUntilAbsent(
    guest: Pointer,
    list: Pointer,
    count: number,
    now: number,
    flag: number,
  ): number;
  guestWorkingSet(guest: Pointer, now: number, tau: number, out: Pointer): number;
  accessMarkWrites(list: Pointer, count: number, bits: Pointer, flag: number): void;

  versionsGather(versions: Pointer, list: Pointer, count: number, out: Pointer): void;
  versionsScatter(versions: Pointer, list: Pointer, count: number, values: Pointer): void;
  versionsCountEqual(versions: Pointer, list: Pointer, count: number, values: Pointer): number;
  versionsCountDiffering(a: Pointer, b: Pointer, bytes: number): number;
  versionsFirstDiffering(a: Pointer, b: Pointer, bytes: number): number;
  versionsFill(versions: Pointer, pages: number, value: number): void;
  versionsSum(versions: Pointer, pages: number): number;

  workloadRun(workload: Pointer, guest: Pointer, count: number, now: number): void;
  workloadRunUntilAbsent(workload: Pointer, guest: Pointer, count: number, now: number): number;
  workloadMark(workload: Pointer, count: number, bits: Pointer): void;
  workloadDraw(workload: Pointer, count: number, out: Pointer): void;
  zipfBuild(table: Pointer, pages: number, exponent: number, seed: number): void;
  traceShuffle(trace: Pointer, written: number, length: number): void;

  wsclockInit(ring: Pointer, now: number): void;
  wsclockTick(ring: Pointer, now: number): number;
  wsclockSweep: SweepKernel;
  wsclockSweepLiteral: SweepKernel;
  wsclockWorkingSet(ring: Pointer, now: number, out: Pointer): number;
  wsclockHottest(ring: Pointer, now: number, max: number, out: Pointer): number;
  wsclockSizes(ring: Pointer, now: number, binTicks: number, bins: Pointer, count: number): void;
  wsclockVictim(
    ring: Pointer,
    modified: Pointer,
    now: number,
    dirty: Pointer,
    writesMax: number,
  ): number;

  clockInit(clock: Pointer): void;
  clockAccessList(clock: Pointer, list: Pointer, count: number): number;
  clockResident(clock: Pointer, bits: Pointer): number;

  lruInit(lru: Pointer): void;
  lruTouchList(lru: Pointer, list: Pointer, count: number): number;
  lruRemove(lru: Pointer, page: number): number;
  lruOrder(lru: Pointer, out: Pointer, max: number): number;
  lruHottest(lru: Pointer, bits: Pointer, max: number): number;

  splayInit(tree: Pointer): void;
  splayTouchList(tree: Pointer, list: Pointer, count: number): number;
  splayRemove(tree: Pointer, page: number): number;
  splayHas(tree: Pointer, page: number): number;
  splayPath(tree: Pointer, page: number, out: Pointer, max: number): number;
  splayWithinDepth(tree: Pointer, depth: number, bits: Pointer): number;

  pageIsZero(page: Pointer): number;
  pageZeroMask(pages: Pointer, count: number, mask: Pointer): number;
  pageEqual(a: Pointer, b: Pointer): number;
  pageDiffering(a: Pointer, b: Pointer, count: number, mask: Pointer): number;
  pageHash64(page: Pointer): bigint;
  pageHashMany(pages: Pointer, count: number, out: Pointer): void;

  xbzrleEncode(old: Pointer, fresh: Pointer, out: Pointer): number;
  xbzrleDecode(delta: Pointer, length: number, page: Pointer): number;

  randomFill(state: Pointer, out: Pointer, count: number): void;
  randomScale(list: Pointer, count: number, n: number): void;
  power(base: number, exponent: number): number;
}

/** A circle of the hand; the header answers with the counts. A list pointer of 0 is only counted. */
type SweepKernel = (
  ring: Pointer,
  modified: Pointer,
  now: number,
  clean: Pointer,
  victimsMax: number,
  dirty: Pointer,
  writesMax: number,
) => void;

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
  wsclockIntervals(ring: Pointer, binTicks: number, bins: number): Uint32Array;
}
