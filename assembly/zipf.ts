/**
 * Zipf's law over pages by Walker's alias method (Walker 1977; Vose 1991): the page of rank k
 * (from 1) has weight k^-exponent.
 *
 *   table, one entry a page of the region         draw: column c := below(pages), word u
 *   ┌──────────────┬───────────┐                        u < threshold[c] -> page c, else alias[c]
 *   │ u32 threshold│ u32 alias │  x pages
 *   └──────────────┴───────────┘
 *
 * Weights fall with the rank, so the overfull columns are a prefix of the ranks and the underfull
 * ones the rest: two cursors build the table in place, without worklists. Ranks are scattered over
 * the region by a seeded bijection that is folded into the table, so a draw pays nothing for it.
 * Time O(pages) to build (a logarithm and an exponential each, twice), O(1) to draw.
 */
import { power } from "./math";

const TWO_32: f64 = 4294967296.0;

/** Builds the table of `pages` entries; `seed` scatters the ranks. */
export function zipfBuild(table: usize, pages: u32, exponent: f64, seed: u32): void {
  let sum: f64 = 0;
  for (let rank: u32 = 1; rank <= pages; rank++) sum += power(<f64>rank, -exponent);
  const scale = <f64>pages / sum;

  let firstUnder: u32 = 2;
  while (firstUnder <= pages && power(<f64>firstUnder, -exponent) * scale >= 1) firstUnder++;

  let over: u32 = 1;
  let rest = scale;
  for (let under = firstUnder; under <= pages; under++) {
    const weight = power(<f64>under, -exponent) * scale;
    put(table, pages, seed, under, weight, over);
    rest -= 1 - weight;
    // What is left of the overfull column may itself be underfull now: the next one fills it.
    while (rest < 1 && over + 1 < firstUnder) {
      put(table, pages, seed, over, rest, over + 1);
      over++;
      rest = power(<f64>over, -exponent) * scale - (1 - rest);
    }
  }
  // What remains is exactly full, but for rounding.
  for (; over < firstUnder; over++) put(table, pages, seed, over, 1, over);
}

function put(table: usize, pages: u32, seed: u32, rank: u32, weight: f64, alias: u32): void {
  const page = scatter(rank - 1, pages, seed);
  const entry = table + ((<usize>page) << 3);
  if (weight >= 1) {
    store<u32>(entry, 0xffffffff);
    store<u32>(entry, page, 4);
    return;
  }
  store<u32>(entry, u32(weight < 0 ? 0 : weight * TWO_32));
  store<u32>(entry, scatter(alias - 1, pages, seed), 4);
}

/**
 * A seeded bijection of 0 .. n - 1: rounds of odd multiply, add and xor-shift on the next power of
 * two, walked until the value is inside (cycle walking, Black & Rogaway 2002).
 */
export function scatter(index: u32, n: u32, seed: u32): u32 {
  const order: u32 = n > 1 ? 32 - clz<u32>(n - 1) : 0;
  if (order === 0) return 0;
  const mask: u32 = order === 32 ? 0xffffffff : (1 << order) - 1;
  const half = (order + 1) >> 1;
  let x = index;
  do {
    x = (x * 0x9e3779b1 + seed) & mask;
    x ^= x >> half;
    x = (x * 0x85ebca77 + (seed ^ 0x27d4eb2f)) & mask;
    x ^= x >> half;
    x = (x * 0xc2b2ae3d + rotl<u32>(seed, 16)) & mask;
    x ^= x >> half;
  } while (x >= n);
  return x;
}
