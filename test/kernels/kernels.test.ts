import { describe, expect, it } from "vitest";
import { scalarBase64, simdBase64 } from "../../build/wasm.js";
import { PrecopyError } from "../../src/base/errors.js";
import {
  exactWorkingSet,
  GuestPages,
  Kernels,
  PageBitmap,
  U32Buffer,
  Workload,
  WsClockRing,
} from "../../src/kernels/index.js";
import { BUILDS, load } from "./builds.js";

describe.each(BUILDS)("Kernels ($build)", ({ simd }) => {
  it("describes itself", () => {
    const kernels = load(simd, 1 << 16);
    expect(kernels.describe()).toEqual({
      version: "0.1.0",
      simd,
      pageSizeBytes: 4096,
      batchAccessesMax: 65536,
      arenaBytes: 1 << 16,
      arenaUsedBytes: 0,
    });
    expect(kernels.simd).toBe(simd);
  });

  it("loads the same asynchronously and from bytes handed in", async () => {
    const wasm = new Uint8Array(Buffer.from(simd ? simdBase64 : scalarBase64, "base64"));
    for (const kernels of [
      await Kernels.load({ arenaBytes: 100, simd }),
      await Kernels.load({ arenaBytes: 100, wasm }),
      Kernels.loadSync({ arenaBytes: 100, wasm }),
    ]) {
      expect(kernels.simd).toBe(simd);
      expect(kernels.arenaBytes).toBe(100);
    }
  });

  it("hands out zeroed, aligned, separate pieces and says what is missing when full", () => {
    const kernels = load(simd, 1000);
    const a = kernels.allocate(1, "a");
    const b = kernels.allocate(65, "b");
    expect(a % 64).toBe(0);
    expect(b - a).toBe(64);
    expect(kernels.arenaUsedBytes).toBe(192);
    expect(kernels.bytes(b, 128).every((byte) => byte === 0)).toBe(true);
    let error: unknown;
    try {
      PageBitmap.create(kernels, 10_000, "dirty log");
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(PrecopyError);
    expect((error as PrecopyError).code).toBe("arena-full");
    expect((error as PrecopyError).message).toBe(
      "dirty log of 10000 pages needs 1280 bytes of the kernels' arena and 808 of 1000 are left; " +
        "load the kernels with arenaBytes of at least 1472",
    );
  });

  it("never grows memory again: views stay valid over thousands of control calls", () => {
    const kernels = load(simd);
    const { buffer } = kernels.raw.memory;
    const ring = WsClockRing.create(kernels, 64, { tauTicks: 10 });
    const bins = U32Buffer.create(kernels, 4000);
    const spec = { kind: "uniform", firstPage: 0, pages: 64 } as const;
    ring.referenced.set(1);
    ring.tick(5);
    ring.referenced.set(1);
    ring.tick(12);
    const kept = kernels.control.wsclockIntervals(ring.ptr, 1, 4000);
    for (let i = 0; i < 4000; i++) {
      kernels.describe();
      ring.intervals(1, bins);
      if (i % 4 === 0) Workload.create(kernels, spec, i);
    }
    expect(kernels.raw.memory.buffer).toBe(buffer);
    // The result of the first call is a copy, not a view of memory that was used since.
    expect(kept[7]).toBe(1);
    expect(kept.reduce((a, b) => a + b, 0)).toBe(1);
    expect(bins.at(7)).toBe(1);
    // And the calls left the arena alone.
    expect(ring.resident.count()).toBe(64);
  });

  it("goes back to a snapshot, and forward again the same way", () => {
    const kernels = load(simd);
    const guest = GuestPages.create(kernels, 300);
    const spec = { kind: "zipf", firstPage: 0, pages: 300, exponent: 1 } as const;
    const workload = Workload.create(kernels, spec, 6);
    const ring = WsClockRing.create(kernels, 300, { tauTicks: 2 });
    const play = (from: number): string => {
      for (let t = from; t < from + 10; t++) {
        workload.run(guest, 50, t);
        ring.referenced.or(guest.dirty);
        guest.dirty.reset();
        ring.tick(t);
      }
      return Buffer.from(kernels.snapshot()).toString("base64");
    };
    play(1);
    const image = kernels.snapshot();
    const usedBytes = kernels.arenaUsedBytes;
    const once = play(11);
    const late = kernels.allocate(64, "made later");
    kernels.bytes(late, 64).fill(9);
    kernels.restore(image);
    expect(kernels.arenaUsedBytes).toBe(usedBytes);
    expect(play(11)).toBe(once);
    // What was made later is void, its place zero again.
    const again = kernels.allocate(64, "again");
    expect(again).toBe(late);
    expect(kernels.bytes(again, 64).every((byte) => byte === 0)).toBe(true);
  });

  it("moves a snapshot to another instance with the same objects", () => {
    const make = () => {
      const kernels = load(simd);
      const guest = GuestPages.create(kernels, 100);
      const list = U32Buffer.create(kernels, 3);
      return { kernels, guest, list };
    };
    const a = make();
    const b = make();
    a.list.set([1, 5, 5]);
    a.guest.touchWrites(a.list, 8);
    b.kernels.restore(a.kernels.snapshot());
    expect([b.guest.version(1), b.guest.version(5), b.guest.newlyDirty]).toEqual([1, 2, 2]);
    const out = PageBitmap.create(b.kernels, 100);
    expect(exactWorkingSet(b.guest, 9, 1, out)).toBe(2);
    expect(() => load(simd, 64).restore(a.kernels.snapshot())).toThrow("the snapshot holds");
  });

  it("refuses arenas that Wasm cannot have", () => {
    for (const arenaBytes of [-1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => Kernels.loadSync({ arenaBytes, simd })).toThrow(PrecopyError);
    }
  });
});

describe("Kernels", () => {
  it("takes SIMD by itself where the engine has it", () => {
    const engineHasSimd = WebAssembly.validate(new Uint8Array(Buffer.from(simdBase64, "base64")));
    expect(Kernels.loadSync({ arenaBytes: 0 }).simd).toBe(engineHasSimd);
    expect(Kernels.loadSync({ arenaBytes: 0, simd: "auto" }).simd).toBe(engineHasSimd);
  });

  it("builds the scalar module without a vector instruction", async () => {
    const { default: binaryen } = await import("binaryen");
    const module = binaryen.readBinary(new Uint8Array(Buffer.from(scalarBase64, "base64")));
    const text = module.emitText();
    module.dispose();
    expect(text).not.toMatch(/v128|i8x16|i32x4/);
    expect(text).toMatch(/i64\.popcnt/);
  });

  it("says what to do about bytes that are no kernels", async () => {
    const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
    expect(() => Kernels.loadSync({ arenaBytes: 0, wasm: empty })).toThrow("kernels.wasm");
    await expect(Kernels.load({ arenaBytes: 0, wasm: empty })).rejects.toThrow(PrecopyError);
    await expect(Kernels.load({ arenaBytes: 0, wasm: new Uint8Array(3) })).rejects.toThrow(
      PrecopyError,
    );
  });
});
