/**
 * Page bitmaps in plain TypeScript: 32-bit words of a Uint32Array, the same loops as the kernels.
 */

/** Number of set bits of one word. */
export function popcount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

export function count(bits: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < bits.length; i++) sum += popcount(bits[i] as number);
  return sum;
}

export function or(out: Uint32Array, a: Uint32Array, b: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    const word = (a[i] as number) | (b[i] as number);
    out[i] = word;
    sum += popcount(word);
  }
  return sum;
}

export function and(out: Uint32Array, a: Uint32Array, b: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    const word = (a[i] as number) & (b[i] as number);
    out[i] = word;
    sum += popcount(word);
  }
  return sum;
}

export function andNot(out: Uint32Array, a: Uint32Array, b: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    const word = (a[i] as number) & ~(b[i] as number);
    out[i] = word;
    sum += popcount(word);
  }
  return sum;
}

export function harvest(bits: Uint32Array, shadow: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    shadow[i] = word;
    bits[i] = 0;
    sum += popcount(word);
  }
  return sum;
}

/** Page numbers into `out`; returns how many. */
export function toPages(bits: Uint32Array, out: Uint32Array): number {
  let at = 0;
  for (let i = 0; i < bits.length; i++) {
    for (let word = bits[i] as number; word !== 0; word &= word - 1) {
      out[at++] = i * 32 + 31 - Math.clz32(word & -word);
    }
  }
  return at;
}

/** First page and end of each run into `out`; returns the number of runs. */
export function runs(bits: Uint32Array, out: Uint32Array): number {
  let at = 0;
  let carry = 0;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    let edges = word ^ ((word << 1) | carry);
    carry = word >>> 31;
    for (; edges !== 0; edges &= edges - 1) {
      out[at++] = i * 32 + 31 - Math.clz32(edges & -edges);
    }
  }
  if (carry !== 0) out[at++] = bits.length * 32;
  return at / 2;
}
