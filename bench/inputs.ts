/**
 * What all contenders of a case are given: seeded bitmaps, ages, page uses and pages. And the digest
 * by which their outputs are compared: FNV-1a over 32-bit words, as in bench/native/main.c.
 */
import { Random } from "../src/base/random.js";
import { GuestPages, Kernels, Workload } from "../src/kernels/index.js";

export const SEED = 20_261_122;

/** Most accesses of one call into the kernels. */
export const BATCH = 65_536;

/** A bitmap of `pages` bits (a multiple of 512), each set with the same probability. */
export function randomBits(pages: number, density: number, seed: number): Uint32Array {
  const random = new Random(seed);
  const threshold = density * 2 ** 32;
  const words = new Uint32Array(pages / 32);
  for (let i = 0; i < words.length; i++) {
    let word = 0;
    for (let bit = 0; bit < 32; bit++) {
      if (random.next() < threshold) word |= 1 << bit;
    }
    words[i] = word;
  }
  return words;
}

/** Times of last use before `now`: a share of them older than `tau`, all within 2 tau. */
export function randomAges(
  pages: number,
  ring: { now: number; tau: number; old: number; seed: number },
): Uint32Array {
  const random = new Random(ring.seed);
  const last = new Uint32Array(pages);
  for (let page = 0; page < pages; page++) {
    const isOld = random.unit() < ring.old;
    last[page] = ring.now - (isOld ? ring.tau + 1 : 0) - random.below(ring.tau);
  }
  return last;
}

/** Pages used one after the other, by Zipf's law (or evenly, without an exponent). */
export function pageUses(pages: number, uses: number, exponent?: number): Uint32Array {
  const spec =
    exponent === undefined
      ? ({ kind: "uniform", firstPage: 0, pages, writeFraction: 0 } as const)
      : ({ kind: "zipf", firstPage: 0, pages, exponent, writeFraction: 0 } as const);
  const arenaBytes = Workload.bytesFor(spec) + GuestPages.bytesFor(1) + BATCH * 4 + 4096;
  const kernels = Kernels.loadSync({ arenaBytes });
  const workload = Workload.create(kernels, spec, SEED);
  const list = kernels.allocate(BATCH * 4, "drawn uses");
  const drawn = new Uint32Array(uses);
  for (let at = 0; at < uses; at += BATCH) {
    const count = Math.min(BATCH, uses - at);
    kernels.raw.workloadDraw(workload.ptr, count, list);
    drawn.set(kernels.u32(list, count), at);
  }
  return drawn;
}

/** Words of seeded noise. */
export function randomWords(count: number, seed: number): Uint32Array {
  const random = new Random(seed);
  return Uint32Array.from({ length: count }, () => random.next());
}

export const FNV_START = 0x811c9dc5;

export function fnv(hash: number, words: ArrayLike<number>, count = words.length): number {
  let h = hash;
  for (let i = 0; i < count; i++) h = Math.imul(h ^ (words[i] as number), 16777619);
  return h;
}

/** Eight hexadecimal digits of a digest. */
export function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, "0");
}
