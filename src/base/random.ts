/**
 * The seeded generator of the whole project: xoshiro128** (Blackman & Vigna, "Scrambled linear
 * pseudorandom number generators", 2018), its four words filled by splitmix32. `assembly/random.ts`
 * draws the same stream inside Wasm; a test compares them draw by draw.
 */
export class Random {
  private readonly state = new Uint32Array(4);

  /** @param seed any integer; its low 32 bits and the next 21 are both used. */
  constructor(seed: number) {
    seedState(this.state, seed);
  }

  /** The next 32 random bits, as an integer 0 .. 2^32 - 1. */
  next(): number {
    const s = this.state;
    const s0 = s[0] as number;
    const s1 = s[1] as number;
    const s2 = s[2] as number;
    const s3 = s[3] as number;
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    const t = s1 << 9;
    const x2 = s2 ^ s0;
    const x3 = s3 ^ s1;
    s[1] = s1 ^ x2;
    s[0] = s0 ^ x3;
    s[2] = x2 ^ t;
    s[3] = rotateLeft(x3, 11);
    return result;
  }

  /** An integer 0 .. n - 1 (n at most 2^32): the high word of one draw times n. */
  below(n: number): number {
    const draw = this.next();
    // draw * n can pass 2^53, so the low and high halves of the draw are multiplied apart.
    const low = (draw & 0xffff) * n;
    const high = (draw >>> 16) * n;
    return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000);
  }

  /** A number in [0, 1) with 32 bits of fraction, from one draw. */
  unit(): number {
    return this.next() / 0x1_0000_0000;
  }

  /** A generator of its own for the part named by `key`; drawing from it leaves this one alone. */
  fork(key: number): Random {
    return new Random(mix32((this.state[0] as number) ^ mix32(key)));
  }
}

/** Fills four words of generator state from a seed; never all zero. */
export function seedState(state: Uint32Array, seed: number): void {
  const high = Math.floor(seed / 0x1_0000_0000) >>> 0;
  let word = (seed >>> 0) ^ Math.imul(high, 0x85ebca6b);
  for (let i = 0; i < 4; i++) {
    word = (word + 0x9e3779b9) | 0;
    state[i] = mix32(word);
  }
}

/** The finaliser of splitmix32 (murmur3's fmix32 with splitmix's constants). */
export function mix32(value: number): number {
  let z = value | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}
