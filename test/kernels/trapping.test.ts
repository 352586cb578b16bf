import { describe, expect, it } from "vitest";
import {
  ClockRing,
  exactWorkingSet,
  GuestPages,
  Kernels,
  LruList,
  PageBitmap,
  PageContents,
  PageVersions,
  RandomStream,
  SplayTree,
  TracePlayer,
  U32Buffer,
  Workload,
  WsClockRing,
  Xbzrle,
} from "../../src/kernels/index.js";
import { kernelNames, trappingKernels } from "./trapping.js";

/** Each kernel by a call of the facade that has to reach it. */
const CALLS: Record<string, (w: World) => unknown> = {
  accessMarkWrites: (w) => {
    w.player.load(Uint32Array.of(1), new Uint32Array(), 1);
    w.player.markWrites(w.a, 0, 1);
  },
  bitmapAnd: (w) => w.a.and(w.b),
  bitmapAndNot: (w) => w.a.andNot(w.b),
  bitmapClearList: (w) => w.a.clearBatch(w.list),
  bitmapCount: (w) => w.a.count(),
  bitmapCountAnd: (w) => w.a.countAnd(w.b),
  bitmapCountAndNot: (w) => w.a.countAndNot(w.b),
  bitmapHarvest: (w) => w.a.harvestInto(w.b),
  bitmapIsSubset: (w) => w.a.equals(w.b),
  bitmapMask: (w) => w.a.maskOf(w.list, w.out),
  bitmapNextPages: (w) => w.a.nextPages(w.out, 0, 5),
  bitmapNextPermuted: (w) => w.a.nextPagesPermuted(w.out, 0, 5),
  bitmapNextSet: (w) => w.a.isEmpty(),
  bitmapOr: (w) => w.a.or(w.b),
  bitmapPreviousPages: (w) => w.a.previousPages(w.out, 50, 5),
  bitmapPrevSet: (w) => w.a.prevSet(50),
  bitmapRemoveSet: (w) => w.a.removeSet(w.list),
  bitmapRunCount: (w) => w.a.runs(w.short),
  bitmapRuns: (w) => w.a.runs(w.out),
  bitmapSetList: (w) => w.a.setBatch(w.list),
  bitmapSetRange: (w) => w.a.fill(),
  bitmapToPages: (w) => w.a.toPages(w.out),
  clockAccessList: (w) => ClockRing.create(w.kernels, 9, 3).access(1),
  clockInit: (w) => ClockRing.create(w.kernels, 9, 3),
  clockResident: (w) => ClockRing.create(w.kernels, 100, 3).residentInto(w.a),
  guestTouch: (w) => w.guest.touchWrites(w.list, 1),
  guestTouchUntilAbsent: (w) => {
    w.player.load(Uint32Array.of(1), new Uint32Array(), 1);
    w.player.applyUntilAbsent(w.guest, 0, 1, 1);
  },
  guestWorkingSet: (w) => exactWorkingSet(w.guest, 1, 1, w.a),
  listMax: (w) => w.list.assertBelow(9),
  lruHottest: (w) => LruList.create(w.kernels, 100, 3).hottestInto(w.a, 2),
  lruInit: (w) => LruList.create(w.kernels, 9, 3),
  lruOrder: (w) => LruList.create(w.kernels, 9, 3).order(w.out, 2),
  lruRemove: (w) => LruList.create(w.kernels, 9, 3).remove(2),
  lruTouchList: (w) => LruList.create(w.kernels, 9, 3).touch(2),
  pageDiffering: (w) => w.contents.differing(w.page, w.page, 1, w.out),
  pageEqual: (w) => w.contents.equal(w.page, w.page),
  pageHash64: (w) => w.contents.hash64(w.page),
  pageHashMany: (w) => w.contents.hashMany(w.page, 1, w.out.ptr),
  pageIsZero: (w) => w.contents.isZero(w.page),
  pageZeroMask: (w) => w.contents.zeroMask(w.page, 1, w.out),
  power: (w) => w.kernels.raw.power(2, 3),
  randomFill: (w) => RandomStream.create(w.kernels, 1).fill(w.out, 3),
  randomScale: (w) => RandomStream.create(w.kernels, 1).fillBelow(w.out, 3, 5),
  splayHas: (w) => SplayTree.create(w.kernels, 9).has(1),
  splayInit: (w) => SplayTree.create(w.kernels, 9),
  splayPath: (w) => {
    const tree = SplayTree.create(w.kernels, 9);
    tree.touch(1);
    tree.depth(1);
  },
  splayRemove: (w) => SplayTree.create(w.kernels, 9).remove(1),
  splayTouchList: (w) => SplayTree.create(w.kernels, 9).touch(1),
  splayWithinDepth: (w) => SplayTree.create(w.kernels, 100).withinDepth(1, w.a),
  traceShuffle: (w) => w.player.load(Uint32Array.of(1), new Uint32Array(), 1),
  versionsCountDiffering: (w) => w.versions.countDiffering(w.guest),
  versionsCountEqual: (w) => w.versions.countEqualTo(w.list, w.list),
  versionsFill: (w) => w.versions.fill(3),
  versionsFirstDiffering: (w) => w.versions.firstDiffering(w.guest),
  versionsGather: (w) => w.guest.gather(w.list, w.out),
  versionsScatter: (w) => w.versions.scatter(w.list, w.list),
  versionsSum: (w) => w.guest.versionSum(),
  workloadDraw: (w) => w.kernels.raw.workloadDraw(w.workload().ptr, 3, w.out.ptr),
  workloadMark: (w) => w.workload().fork().runMarking(3, w.a),
  workloadRun: (w) => w.workload().run(w.guest, 3, 1),
  workloadRunUntilAbsent: (w) => w.workload().runUntilAbsent(w.guest, 3, 1),
  wsclockHottest: (w) => w.ring().hottest(1, 3, w.a),
  wsclockInit: (w) => w.ring(),
  wsclockSizes: (w) => w.ring().sizes(1, 1, w.out),
  wsclockSweep: (w) => w.ring().sweep(1, { clean: null, dirty: null }),
  wsclockSweepLiteral: (w) => w.ring().sweepLiteral(1, { clean: null, dirty: null }),
  wsclockTick: (w) => w.ring().tick(1),
  wsclockVictim: (w) => w.ring().victim(1),
  wsclockWorkingSet: (w) => w.ring().workingSet(1, w.a),
  xbzrleDecode: (w) => new Xbzrle(w.kernels).decode(w.page, 3, w.page),
  xbzrleEncode: (w) => new Xbzrle(w.kernels).encode(w.page, w.page, w.page),
  zipfBuild: (w) =>
    Workload.create(w.kernels, { kind: "zipf", firstPage: 0, pages: 9, exponent: 1 }, 1),
};

/** The objects that can be made without the kernel under test. */
class World {
  readonly kernels: Kernels;
  readonly a: PageBitmap;
  readonly b: PageBitmap;
  readonly list: U32Buffer;
  readonly out: U32Buffer;
  readonly short: U32Buffer;
  readonly guest: GuestPages;
  readonly versions: PageVersions;
  readonly player: TracePlayer;
  readonly contents: PageContents;
  readonly page: number;

  constructor(wasm: BufferSource) {
    this.kernels = Kernels.loadSync({ arenaBytes: 1 << 18, wasm });
    this.a = PageBitmap.create(this.kernels, 100);
    this.b = PageBitmap.create(this.kernels, 100);
    this.list = U32Buffer.create(this.kernels, 3);
    this.out = U32Buffer.create(this.kernels, 101);
    this.short = U32Buffer.create(this.kernels, 4);
    this.guest = GuestPages.create(this.kernels, 100, { trackAbsent: true });
    this.versions = PageVersions.create(this.kernels, 100);
    this.player = TracePlayer.create(this.kernels, 10);
    this.contents = new PageContents(this.kernels);
    this.page = this.kernels.allocate(4096, "page");
    this.list.set([1, 2, 3]);
  }

  workload(): Workload {
    return Workload.create(this.kernels, { kind: "uniform", firstPage: 0, pages: 9 }, 1);
  }

  ring(): WsClockRing {
    return WsClockRing.create(this.kernels, 100, { tauTicks: 1 });
  }
}

describe("kernels that trap", () => {
  it("are all of them: no kernel is without a call of the facade here", () => {
    expect(Object.keys(CALLS).sort()).toEqual(kernelNames().sort());
  });

  it("do not stop the module from being loaded", () => {
    const kernels = Kernels.loadSync({ arenaBytes: 1000, wasm: trappingKernels() });
    expect(kernels.describe().simd).toBe(true);
  });

  it.each(Object.keys(CALLS))("%s: the facade fails when it traps, and only then", (name) => {
    const call = CALLS[name]!;
    call(new World(trappingKernels([])));
    expect(() => call(new World(trappingKernels([name])))).toThrow(WebAssembly.RuntimeError);
  });
});
