/** The patch of v86's module: what it does to any module, to v86's, and where it does not fit. */
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { loadEmulator } from "../../../src/live/v86/emulator.js";
import { testPatchedModule } from "../../../src/live/v86/self-test.js";
import { patchTlbFill } from "../../../src/live/v86/tlb-fill-patch.js";
import { emulatorOf } from "../../../src/live/v86/v86-internals.js";
import { s32, u32, WasmBinary } from "../../../src/live/v86/wasm-binary.js";
import { MIB, makeGuest, V86, v86Wasm } from "./support.js";

const section = (id: number, body: readonly number[]): number[] => [
  id,
  ...u32(body.length),
  ...body,
];
const text = (name: string): number[] => [name.length, ...Buffer.from(name)];
const I32 = 0x7f;

/** Exports `double(x)`, which calls `twice` (named, function 1 behind one import) in a table. */
function small(name = "twice"): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 1, I32, 1, I32, 0x60, 0, 0]),
    ...section(2, [
      ...[3, ...text("e"), ...text("f"), 0, 1],
      ...[...text("e"), ...text("m"), 2, 1, 1, 2],
      ...[...text("e"), ...text("t"), 1, 0x70, 0, 1],
    ]),
    ...section(3, [2, 0, 0]),
    ...section(7, [2, ...text("double"), 0, 2, ...text("m"), 2, 0]),
    ...section(10, [
      2,
      ...[7, 0, 0x20, 0, 0x20, 0, 0x6a, 0x0b], // twice: x + x
      ...[6, 0, 0x20, 0, 0x10, 1, 0x0b], //       double: twice(x)
    ]),
    ...section(0, [...text("name"), 1, ...u32(3 + name.length), 1, 1, ...text(name)]),
  ]);
}

const imports = () => ({
  e: {
    f: () => {},
    m: new WebAssembly.Memory({ initial: 1, maximum: 2 }),
    t: new WebAssembly.Table({ element: "anyfunc", initial: 1 }),
  },
});

async function doubled(wasm: Uint8Array<ArrayBuffer>, value: number): Promise<number> {
  const { instance } = await WebAssembly.instantiate(wasm, imports());
  return (instance.exports as unknown as { double(x: number): number }).double(value);
}

describe("a module", () => {
  it("is written as it was read, without its names", async () => {
    const wasm = small();
    const again = WasmBinary.parse(wasm).encode();
    expect([...again]).toEqual([...wasm.subarray(0, again.length)]);
    expect(wasm.length - again.length).toBe(2 + 5 + 2 + 3 + 5);
    expect(await doubled(again, 21)).toBe(42);
  });

  it("has its calls reach a wrapper, and the wrapper what was there", async () => {
    const binary = WasmBinary.parse(small());
    expect(binary.functionsNamed(/^twice$/)).toEqual([1]);
    expect(binary.exportedFunction("double")).toBe(2);
    expect(binary.exportedFunction("m")).toBeUndefined();
    const { params, results } = binary.typeOfFunction(1);
    expect([[...params], [...results]]).toEqual([[I32], [I32]]);
    // twice(x) := original(x) + 1000, and once more
    const add = (n: number) => (original: number) => [
      ...[0, 0x20, 0, 0x10, ...u32(original), 0x41, ...s32(n), 0x6a, 0x0b],
    ];
    binary.wrap(1, add(1000));
    expect(await doubled(binary.encode(), 21)).toBe(1042);
    binary.wrap(1, add(-42));
    expect(await doubled(binary.encode(), 21)).toBe(1000);
  });

  it.each([
    ["no module", Uint8Array.of(1, 2, 3)],
    ["nothing behind the header", small().subarray(0, 8)],
    ["cut off", small().subarray(0, 60)],
    ["a number without end", Uint8Array.of(...small().subarray(0, 8), 1, 255, 255, 255, 255, 255)],
  ])("that is malformed is refused: %s", (_, bytes) => {
    const parse = () => WasmBinary.parse(bytes);
    expect(parse).toThrow(PrecopyError);
    expect(parse).toThrow(/malformed/);
  });

  it("wraps no import", () => {
    expect(() => WasmBinary.parse(small()).wrap(0, () => [])).toThrow(/function 0 is not its own/);
  });
});

describe("numbers", () => {
  it("are LEB128", () => {
    expect(u32(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(u32(2 ** 32 - 1)).toEqual([255, 255, 255, 255, 15]);
    expect(s32(-123456)).toEqual([0xc0, 0xbb, 0x78]);
    expect([s32(63), s32(64), s32(-64), s32(-65)]).toEqual([[63], [192, 0], [64], [191, 127]]);
  });
});

describe("v86", () => {
  it("is patched, and stays valid", () => {
    const patched = patchTlbFill(v86Wasm);
    expect(WebAssembly.validate(patched)).toBe(true);
    expect(patched.length).toBeLessThan(v86Wasm.length);
  });

  it("is refused where the page walk cannot be told", () => {
    expect(() => patchTlbFill(small())).toThrow(/0 functions are named do_page_walk/);
    expect(() => patchTlbFill(small("do_page_walk"))).toThrow(/do_page_walk takes 1 values/);
    const mangled = "_ZN3v863cpu12do_page_walk17h0123456789abcdefE";
    expect(() => patchTlbFill(small(mangled))).toThrow(/do_page_walk takes 1 values/);
    expect(() => patchTlbFill(small("do_page_walk_twice"))).toThrow(/0 functions are named/);
  });

  it("passes its self-test patched, and fails it as it came", async () => {
    await testPatchedModule(V86, await WebAssembly.compile(patchTlbFill(v86Wasm)));
    const plain = await WebAssembly.compile(v86Wasm);
    await expect(testPatchedModule(V86, plain)).rejects.toThrow(
      /failed its self-test: page 384 was written, which the log does not say/,
    );
  });

  it("without names is watched by hashes, and says why; where the TLB is asked for, refused", async () => {
    // Coding the module anew drops its names.
    const wasm = WasmBinary.parse(v86Wasm).encode();
    const guest = await makeGuest({ wasm });
    expect(guest.tracking).toBe("hash");
    expect(guest.fallbackReason).toMatch(/0 functions are named do_page_walk/);
    expect(guest.describe().version).toMatch(/^untested wasm [0-9a-f]{16}$/);
    await guest.destroy();
    await expect(makeGuest({ wasm, tracking: "tlb" })).rejects.toThrow(/0 functions are named/);
  });

  it("that has become another is refused with what it lacks", async () => {
    const module = await WebAssembly.compile(v86Wasm);
    const { emulator } = await loadEmulator(V86, module, { memory_size: MIB });
    try {
      expect(emulatorOf(emulator)).toBe(emulator);
      const { cpu } = emulator.v86;
      const lacking = { cpu: Object.create(null), ...{ running: false, stopping: false } };
      const v86 = Object.assign(Object.create(emulator.v86), lacking);
      const other = Object.assign(Object.create(emulator), { v86 });
      expect(() => emulatorOf(other)).toThrow(
        /lacks mem8, memory_size, .* in the CPU; use v86 0\.5/,
      );
      expect(() => emulatorOf({})).toThrow(/lacks v86, add_listener/);
      expect(cpu.memory_size[0]).toBe(MIB);
    } finally {
      await emulator.destroy();
    }
  });
});
