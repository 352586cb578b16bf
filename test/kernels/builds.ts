/**
 * Both builds of the kernels: every test of a kernel runs on each.
 */
import fc from "fast-check";
import { Kernels } from "../../src/kernels/index.js";

// Else lists of ten entries are long: kernels work on words of 64 and blocks of 512.
fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });

export const BUILDS = [
  { build: "simd", simd: true },
  { build: "scalar", simd: false },
] as const;

/** Sizes around the word, the vector and the block of the bitmaps. */
export const SIZES = [1, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1500] as const;

export function load(simd: boolean, arenaBytes = 1 << 20): Kernels {
  return Kernels.loadSync({ arenaBytes, simd });
}
