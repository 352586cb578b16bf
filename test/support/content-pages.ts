/**
 * Real pages with the statistics of a content profile: zero, equal to others, compressible to about
 * the profile's size (letters of a random alphabet, then one repeated byte), and versions whose XBZRLE
 * delta to the one asked for before has exactly the profile's size. Made for comparing codecs with
 * their models; a page's bytes depend on the versions that were asked for on the way.
 */
import { deflateRawSync } from "node:zlib";
import { mix32, Random } from "../../src/base/random.js";
import { type ContentProfile, DELTA_OVERFLOW } from "../../src/guest/content-profile.js";

const PAGE = 4096;
const STEPS = 512;

interface Made {
  version: number;
  bytes: Uint8Array;
}

export class ContentPages {
  private readonly made = new Map<number, Made>();
  private readonly shapes: Uint16Array;

  constructor(private readonly profile: ContentProfile) {
    this.shapes = shapesBySize();
  }

  /** The page at a version, not older than the one asked for before. */
  at(page: number, version: number): Uint8Array {
    const before = this.made.get(page);
    if (before?.version === version) return before.bytes;
    const bytes = this.make(page, version, before);
    this.made.set(page, { version, bytes });
    return bytes;
  }

  /** Pages one after the other, each at its version. */
  many(pages: Uint32Array, versions: Uint32Array): Uint8Array {
    const all = new Uint8Array(pages.length * PAGE);
    pages.forEach((page, i) => {
      all.set(this.at(page, versions[i]!), i * PAGE);
    });
    return all;
  }

  private make(page: number, version: number, before: Made | undefined): Uint8Array {
    if (this.profile.isZero(page, version)) return new Uint8Array(PAGE);
    if (before === undefined) return this.fresh(page, this.profile.isSilent(page) ? 0 : version);
    const delta = this.profile.deltaBytes(page, before.version, version);
    if (delta === 0) return before.bytes;
    if (delta === DELTA_OVERFLOW) return this.fresh(page, version);
    return withDelta(
      before.bytes,
      delta,
      this.randomOf(page, version),
      this.shapeOf(page, version),
    );
  }

  /** At version 0 all pages of a group have one content. */
  private fresh(page: number, version: number): Uint8Array {
    const random = this.randomOf(version === 0 ? this.profile.originalOf(page) : page, version);
    const { letters, alphabet } = this.shapeOf(page, version);
    const filler = 1 + random.below(254);
    const bytes = new Uint8Array(PAGE).fill(filler);
    for (let i = 0; i < letters; i++) bytes[i] = random.below(alphabet);
    return bytes;
  }

  private shapeOf(page: number, version: number): Shape {
    const size = this.profile.deflatedBytes(page, version, 6);
    return shape(this.shapes[Math.min(PAGE, size)]!);
  }

  private randomOf(page: number, version: number): Random {
    return new Random(mix32(page ^ mix32(version ^ 0x51ab)));
  }
}

/** How a compressible page is made: so many letters of so many kinds. */
interface Shape {
  readonly letters: number;
  readonly alphabet: number;
}

/** Steps of growing entropy: first more letters of 64 kinds, then more kinds. */
function shape(step: number): Shape {
  const half = STEPS / 2;
  if (step <= half) return { letters: Math.round((step / half) * PAGE), alphabet: 64 };
  return { letters: PAGE, alphabet: 64 + Math.round(((step - half) / half) * 192) };
}

/** By the size that raw deflate gives: the step that comes nearest to it. */
function shapesBySize(): Uint16Array {
  const random = new Random(99);
  const sizes = Array.from({ length: STEPS + 1 }, (_, step) => {
    const { letters, alphabet } = shape(step);
    const page = new Uint8Array(PAGE).fill(7);
    for (let i = 0; i < letters; i++) page[i] = random.below(alphabet);
    return deflateRawSync(page).length;
  });
  const steps = new Uint16Array(PAGE + 1);
  for (let size = 0, step = 0; size < PAGE; size++) {
    while (step < STEPS && Math.abs(sizes[step + 1]! - size) <= Math.abs(sizes[step]! - size))
      step++;
    steps[size] = step;
  }
  steps[PAGE] = STEPS;
  return steps;
}

/**
 * A copy that differs so that the delta has `size` bytes: runs of new letters where there is room for
 * them among the letters, else one run in which every byte is turned over, which repeats as before.
 */
function withDelta(old: Uint8Array, size: number, random: Random, { letters, alphabet }: Shape) {
  const bytes = old.slice();
  const runs = Math.min(8, Math.floor(size / 24));
  if (runs >= 2 && letters >= 2 * size) {
    let left = size;
    let at = 1;
    for (let k = 0; k < runs; k++) {
      const part = k === runs - 1 ? left : Math.floor(size / runs);
      const { gap, length } = run(part, k === 0 ? random : undefined);
      at = change(at + gap - 1, length);
      left -= part;
    }
    return bytes;
  }
  const { gap, length } = run(size, random);
  change(gap, length);
  return bytes;

  /**
   * Changes bytes from `from` on; one equal byte behind them ends the run. Where bytes repeat, a few
   * are changed by chance, so that copies of one page become different, and the rest all alike.
   */
  function change(from: number, length: number): number {
    let mask = 0;
    for (let i = from; i < from + length; i++) {
      if (i < letters) {
        const turn = 1 + random.below(alphabet - 1);
        const now = (old[i]! + turn) % alphabet;
        bytes[i] = now === old[i] ? (now + 1) % alphabet : now;
      } else {
        if (i < from + 4) mask = 1 + random.below(255);
        bytes[i] = old[i]! ^ (mask || 0x55);
      }
    }
    return from + length + 1;
  }
}

/** A run of equal bytes and one of differing ones whose record has `size` bytes. */
function run(size: number, random?: Random): { gap: number; length: number } {
  if (size === 130) return { gap: 128, length: 127 };
  const length = size <= 129 ? size - 2 : size - 3;
  const room = Math.min(120, 4092 - length);
  return { gap: 1 + (random === undefined ? 0 : random.below(room)), length };
}
