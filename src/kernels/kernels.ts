/**
 * The loaded Wasm module and its arena.
 *
 *   memory  ┌─────────────┬──────────────┬───────────────────────────────┬───────────┐
 *           │ static data │ managed heap │ arena: objects, 64-byte steps │ left      │
 *           └─────────────┴──────────────┴───────────────────────────────┴───────────┘
 *                                        ^ grown once when loading       ^ used
 *
 * Memory grows once, so views of it stay valid for the life of the instance; nothing in the arena
 * is freed. What the kernels of one simulation need is known beforehand (`bytesFor` of each class).
 */
import { scalarBase64, simdBase64 } from "../../build/wasm.js";
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { decodeBase64 } from "./base64.js";
import { type Binding, bind, bindSync } from "./binding.js";
import type { ControlCalls, Pointer, RawExports } from "./raw-exports.js";

const WASM_PAGE_BYTES = 65536;
const ALIGNMENT_BYTES = 64;

export interface KernelsOptions {
  /** Room for all objects of this instance together; it never grows. */
  readonly arenaBytes: number;
  /** "auto" (default) takes the SIMD build where the engine has SIMD. */
  readonly simd?: "auto" | boolean;
  /** Other bytes of the same kernels, such as the package's ./kernels.wasm fetched apart. */
  readonly wasm?: BufferSource;
}

/** What {@link Kernels.describe} tells. */
export interface KernelsDescription {
  readonly version: string;
  readonly simd: boolean;
  readonly pageSizeBytes: 4096;
  readonly batchAccessesMax: 65536;
  readonly arenaBytes: number;
  readonly arenaUsedBytes: number;
}

export class Kernels {
  readonly simd: boolean;
  readonly raw: RawExports;
  readonly control: ControlCalls;
  readonly arenaBytes: number;
  /** Most accesses or list entries of one call. */
  readonly batchAccessesMax: number;

  /** The whole memory, for single bits and words; views into it stay valid. */
  readonly memoryBytes: Uint8Array;
  readonly memoryWords: Uint32Array;

  private readonly arenaStart: Pointer;
  private usedBytes = 0;

  static async load(options: KernelsOptions): Promise<Kernels> {
    checkArenaBytes(options.arenaBytes);
    return new Kernels(await bind(pickModule(options)), options.arenaBytes);
  }

  /** Like {@link load}; browsers refuse it on the main thread for modules of this size. */
  static loadSync(options: KernelsOptions): Kernels {
    checkArenaBytes(options.arenaBytes);
    return new Kernels(bindSync(pickModule(options)), options.arenaBytes);
  }

  private constructor(binding: Binding, arenaBytes: number) {
    this.raw = binding.raw;
    this.control = binding.control;
    this.arenaBytes = arenaBytes;
    // The managed heap takes all memory that is there at its first allocation, which is this call:
    // the arena is grown behind it, out of its reach.
    const module = JSON.parse(this.control.describe());
    this.simd = module.simd;
    this.batchAccessesMax = module.batchAccessesMax;
    this.arenaStart = this.growBy(Math.ceil(arenaBytes / WASM_PAGE_BYTES));
    this.memoryBytes = new Uint8Array(this.raw.memory.buffer);
    this.memoryWords = new Uint32Array(this.raw.memory.buffer);
  }

  get arenaUsedBytes(): number {
    return this.usedBytes;
  }

  /** Takes `bytes` of zeroed, 64-byte aligned arena; `what` names the object in the error. */
  allocate(bytes: number, what: string): Pointer {
    assert(Number.isSafeInteger(bytes) && bytes >= 0, `${what}: ${bytes} bytes is an integer >= 0`);
    const rounded = roundUp(bytes, ALIGNMENT_BYTES);
    const left = this.arenaBytes - this.usedBytes;
    if (rounded > left) {
      throw new PrecopyError(
        "arena-full",
        `${what} needs ${rounded} bytes of the kernels' arena and ${left} of ${this.arenaBytes} ` +
          `are left; load the kernels with arenaBytes of at least ${this.usedBytes + rounded}`,
      );
    }
    const pointer = this.arenaStart + this.usedBytes;
    this.usedBytes += rounded;
    return pointer;
  }

  /** A live view of the arena. */
  bytes(pointer: Pointer, length: number): Uint8Array {
    return this.memoryBytes.subarray(pointer, pointer + length);
  }

  /** A live view of `length` u32 words of the arena. */
  u32(pointer: Pointer, length: number): Uint32Array {
    assert(pointer % 4 === 0, `pointer ${pointer} is a multiple of 4`);
    return this.memoryWords.subarray(pointer / 4, pointer / 4 + length);
  }

  describe(): KernelsDescription {
    return {
      ...JSON.parse(this.control.describe()),
      arenaBytes: this.arenaBytes,
      arenaUsedBytes: this.usedBytes,
    };
  }

  /** A copy of the used arena: the state of every object made so far (lists keep their length). */
  snapshot(): Uint8Array {
    return this.bytes(this.arenaStart, this.usedBytes).slice();
  }

  /**
   * Puts a snapshot of this instance back, or one of an instance on which the same objects were
   * made in the same order. Objects made after it was taken are void.
   */
  restore(image: Uint8Array): void {
    if (image.length > this.arenaBytes) {
      throw new PrecopyError(
        "arena-full",
        `the snapshot holds ${image.length} bytes and the kernels' arena ${this.arenaBytes}; ` +
          `load the kernels with arenaBytes of at least ${image.length}`,
      );
    }
    const wasUsed = this.usedBytes;
    this.bytes(this.arenaStart, image.length).set(image);
    this.usedBytes = roundUp(image.length, ALIGNMENT_BYTES);
    // What is allocated next is zero, as ever.
    if (wasUsed > image.length) {
      this.bytes(this.arenaStart + image.length, wasUsed - image.length).fill(0);
    }
  }

  private growBy(wasmPages: number): Pointer {
    try {
      return this.raw.memory.grow(wasmPages) * WASM_PAGE_BYTES;
    } catch {
      throw new PrecopyError(
        "limit",
        `the engine refused ${this.arenaBytes} bytes of memory for the kernels' arena; ` +
          "ask for less (arenaBytes), or make memory free",
      );
    }
  }
}

/** `value` rounded up to a multiple of `step`. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function checkArenaBytes(arenaBytes: number): void {
  const maxBytes = 65000 * WASM_PAGE_BYTES;
  if (Number.isSafeInteger(arenaBytes) && arenaBytes >= 0 && arenaBytes <= maxBytes) return;
  throw new PrecopyError(
    "limit",
    `arenaBytes is ${arenaBytes} and has to be an integer from 0 to ${maxBytes}, what 32-bit ` +
      "Wasm can address; describe a smaller guest",
  );
}

/** An empty function that uses one SIMD instruction: engines without SIMD call it invalid. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
  ...[10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11],
);

function pickModule(options: KernelsOptions): BufferSource {
  if (options.wasm !== undefined) return options.wasm;
  const wanted = options.simd ?? "auto";
  const simd = wanted === "auto" ? WebAssembly.validate(SIMD_PROBE) : wanted;
  return decodeBase64(simd ? simdBase64 : scalarBase64);
}
