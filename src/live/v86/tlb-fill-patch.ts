/**
 * Log-dirty and referenced bits for v86, added to its WebAssembly when it is loaded.
 *
 * Every access of a v86 guest goes through a software TLB of 4 KiB entries that are read-only until
 * their first write, and one function fills it: `do_page_walk(addr, for_writing, user, jit,
 * side_effects)` (copy/v86, src/rust/cpu/cpu.rs). After a flush of the TLB, a page that is touched
 * passes there once, and once more when it is written after having been read only. That is shadow
 * paging's log-dirty mode (Xen, KVM), with the accessed bit beside the dirty one, at 4 KiB even
 * below 4 MiB pages. Physical writes (page-table bits that the walk itself sets, virtio rings) go
 * through `write8`, `write16` and `write32`.
 *
 * Each of the four is wrapped: the original body moves to the end of the code section, a body that
 * calls it and marks a flag takes its index, so that every call and table entry reaches it and no
 * index moves. One byte a page: bit 0 referenced, bit 1 modified, bit 2 absent. The wrappers find it
 * by words in memory that v86 leaves alone (it uses nothing below 64):
 *
 *   address  16: flags   20: base of guest RAM   24: pages (0 = off)   28: pages newly modified
 *            32: hook, an index into the module's table (0 = none)
 *
 * While there is a hook (absent-pages.ts), the page walk calls it before it reads the guest's page
 * tables (`WALK`, linear address) and before it gives a page to whoever asked (`USE`, page). So does
 * `read64s` (`USE`), by which the tables of PAE paging are read, four entries of them past every walk
 * whenever CR3 is loaded. The hook is reached through the table: one more import would move every
 * index.
 */
import { PrecopyError } from "../../base/errors.js";
import { type FunctionType, s32, u32, WasmBinary } from "./wasm-binary.js";

export const REFERENCED = 1;
export const MODIFIED = 2;
export const ABSENT = 4;

/** Where the wrappers' words lie in v86's memory, bytes. */
export const PATCH_WORDS = {
  flags: 16,
  ramBase: 20,
  pages: 24,
  newlyModified: 28,
  hook: 32,
} as const;

/** What the hook is called for: its first parameter; the second is the address or the page. */
export const HOOK = { WALK: 0, USE: 1 } as const;

/** Rust mangles names: the legacy scheme ends in 17h, 16 hexadecimal digits and E. */
const PAGE_WALK = /(^|\d)do_page_walk(17h[0-9a-f]{16}E)?$/;
const READ64 = /(^|\d)read64s(17h[0-9a-f]{16}E)?$/;
/** The last byte that each of them writes, counted from the first. */
const PHYSICAL_WRITES = { write8: 0, write16: 1, write32: 3 } as const;

const I32 = 0x7f;
const PAGE_SHIFT = 12;

/** Adds the marking to v86's module; throws PrecopyError ("unsupported") where it does not fit. */
export function patchTlbFill(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const binary = WasmBinary.parse(wasm);
  const walk = named(binary, "do_page_walk", PAGE_WALK);
  checkType(binary.typeOfFunction(walk), "do_page_walk", 5, 1);
  const read64 = named(binary, "read64s", READ64);
  const writes = Object.entries(PHYSICAL_WRITES).map(([name, last]) => {
    const index = binary.exportedFunction(name);
    if (index === undefined) throw unsupported(`it does not export ${name}`);
    checkType(binary.typeOfFunction(index), name, 2, 0);
    return { index, last };
  });
  // The hook takes what a physical write takes: two i32, and gives nothing.
  const hook = binary.typeIndexOf((writes[0] as { index: number }).index);
  binary.wrap(walk, (original) => pageWalk(original, hook));
  binary.wrap(read64, (original) => physicalRead(original, hook));
  for (const { index, last } of writes) {
    binary.wrap(index, (original) => physicalWrite(original, last));
  }
  return binary.encode();
}

const OP = {
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  load32: 0x28,
  load8: 0x2d,
  store32: 0x36,
  store8: 0x3a,
  const: 0x41,
  ltU: 0x49,
  add: 0x6a,
  sub: 0x6b,
  and: 0x71,
  or: 0x72,
  xor: 0x73,
  shl: 0x74,
  shrU: 0x76,
} as const;
/** An `if` without a result. */
const NO_RESULT = 0x40;

const get = (local: number): number[] => [OP.localGet, local];
const constant = (value: number): number[] => [OP.const, ...s32(value)];
const word = (address: number): number[] => [...constant(0), OP.load32, 2, ...u32(address)];
const call = (index: number): number[] => [OP.call, ...u32(index)];
const locals = (count: number): number[] => [1, count, I32];

/** Calls the hook, if there is one, for what `value` computes. */
const callHook = (type: number, what: number, value: readonly number[]): number[] => [
  ...[...word(PATCH_WORDS.hook), OP.if, NO_RESULT],
  ...[...constant(what), ...value, ...word(PATCH_WORDS.hook)],
  ...[OP.callIndirect, ...u32(type), 0, OP.end],
];

/**
 * Locals: 0-4 the parameters, 5 the result, 6 the page's index, 7 and 8 scratch. The result is 0
 * for a fault; else, xor the address, it gives the place of the page in the module's memory.
 */
function pageWalk(original: number, hook: number): number[] {
  const [addr, forWriting, sideEffects, result, page] = [0, 1, 4, 5, 6];
  return [
    ...locals(4),
    ...callHook(hook, HOOK.WALK, get(addr)),
    ...[0, 1, 2, 3, 4].flatMap(get),
    ...call(original),
    ...[OP.localTee, result, OP.if, NO_RESULT],
    ...[...get(result), ...get(addr), OP.xor, ...constant(~0xfff), OP.and],
    ...[...word(PATCH_WORDS.ramBase), OP.sub, ...constant(PAGE_SHIFT), OP.shrU],
    ...[OP.localSet, page],
    // Also without side effects: the compiler looks for code that way, and reads it.
    ...callHook(hook, HOOK.USE, get(page)),
    ...[...get(sideEffects), OP.if, NO_RESULT],
    // for_writing is 0 or 1.
    ...mark(page, 7, [...get(forWriting), ...constant(1), OP.shl, ...constant(REFERENCED), OP.or]),
    ...[OP.end, OP.end, ...get(result), OP.end],
  ];
}

/** Locals: 0 the physical address of eight bytes within a page. */
function physicalRead(original: number, hook: number): number[] {
  const page = [...get(0), ...constant(PAGE_SHIFT), OP.shrU];
  return [0, ...callHook(hook, HOOK.USE, page), ...get(0), ...call(original), OP.end];
}

/** Locals: 0 the physical address, 1 the value, 2 the page's index, 3 and 4 scratch. */
function physicalWrite(original: number, last: number): number[] {
  const markAt = (offset: number): number[] => [
    ...[...get(0), ...constant(offset), OP.add, ...constant(PAGE_SHIFT), OP.shrU, OP.localSet, 2],
    ...mark(2, 3, constant(MODIFIED)),
  ];
  return [
    ...locals(3),
    ...markAt(0),
    ...(last > 0 ? markAt(last) : []),
    ...[...get(0), ...get(1), ...call(original), OP.end],
  ];
}

/**
 * flags[page] |= bits, if there is such a page, and one more newly modified page if it was not.
 * Scratch: two locals from `scratch` on, the flag's address and what it was.
 */
function mark(page: number, scratch: number, bits: readonly number[]): number[] {
  const [address, before] = [scratch, scratch + 1];
  return [
    ...[...get(page), ...word(PATCH_WORDS.pages), OP.ltU, OP.if, NO_RESULT],
    ...[...word(PATCH_WORDS.flags), ...get(page), OP.add, OP.localSet, address],
    ...[...get(address), OP.load8, 0, 0, OP.localSet, before],
    ...[...get(address), ...get(before), ...bits, OP.or, OP.store8, 0, 0],
    // newlyModified += (before ^ after) >> 1 & 1
    ...[...constant(0), ...word(PATCH_WORDS.newlyModified)],
    ...[...get(before), ...get(address), OP.load8, 0, 0, OP.xor, ...constant(1), OP.shrU],
    ...[...constant(1), OP.and, OP.add, OP.store32, 2, ...u32(PATCH_WORDS.newlyModified)],
    OP.end,
  ];
}

function named(binary: WasmBinary, name: string, pattern: RegExp): number {
  const found = binary.functionsNamed(pattern);
  const [index] = found;
  if (index !== undefined && found.length === 1) return index;
  throw unsupported(`${found.length} functions are named ${name} where one has to be`);
}

function checkType(type: FunctionType, name: string, params: number, results: number): void {
  const allI32 = [...type.params, ...type.results].every((value) => value === I32);
  if (type.params.length === params && type.results.length === results && allI32) return;
  throw unsupported(`${name} takes ${type.params.length} values and gives ${type.results.length}`);
}

function unsupported(what: string): PrecopyError {
  return new PrecopyError(
    "unsupported",
    `this build of v86 cannot be given a dirty log: ${what}; use v86 0.5.462, or tracking "hash"`,
  );
}
