/**
 * xoshiro128** (Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2018), the
 * stream that `src/base/random.ts` draws on the other side of the border. The four words of state
 * are seeded there and live in the arena:
 *
 *   state  ┌────┬────┬────┬────┐
 *          │ s0 │ s1 │ s2 │ s3 │   u32 each
 *          └────┴────┴────┴────┘
 *
 * Time O(draws); the state is in locals while a batch is drawn.
 */

/** Draws `count` numbers of 32 bits in order into `out`. */
export function randomFill(state: usize, out: usize, count: u32): void {
  let s0 = load<u32>(state);
  let s1 = load<u32>(state, 4);
  let s2 = load<u32>(state, 8);
  let s3 = load<u32>(state, 12);
  for (let at = out, end = out + ((<usize>count) << 2); at < end; at += 4) {
    store<u32>(at, rotl<u32>(s1 * 5, 7) * 9);
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotl<u32>(s3, 11);
  }
  store<u32>(state, s0);
  store<u32>(state, s1, 4);
  store<u32>(state, s2, 8);
  store<u32>(state, s3, 12);
}

/** Turns each draw of the list into a number 0 .. n - 1: the high word of draw times n. */
export function randomScale(list: usize, count: u32, n: u32): void {
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    store<u32>(at, below(load<u32>(at), n));
  }
}

/** The high word of `draw` times `n`: an integer 0 .. n - 1 (Lemire 2019, without rejection). */
export function below(draw: u32, n: u32): u32 {
  return u32((<u64>draw * <u64>n) >> 32);
}
