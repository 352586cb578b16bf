/**
 * Powers from + - * / alone, operation for operation the twin of `src/base/math.ts`, so that a
 * Zipf table has the same bits wherever it is built. No memory; time O(1).
 */

const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;
const SQRT_HALF: f64 = Math.SQRT1_2;

/** base to the power of exponent; base > 0. */
export function power(base: f64, exponent: f64): f64 {
  if (exponent === 0) return 1;
  return exponential(exponent * logarithm(base));
}

/** Natural logarithm of x > 0: x = m * 2^e with m near 1, then ln m = 2 artanh((m-1)/(m+1)). */
export function logarithm(x: f64): f64 {
  let scaled = x;
  let e: f64 = 0;
  if (scaled < 2.2250738585072014e-308) {
    scaled *= 18014398509481984.0;
    e = -54;
  }
  const bits = reinterpret<u64>(scaled);
  e += f64(i32(bits >> 52) - 1022);
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3fe0000000000000);
  if (m < SQRT_HALF) {
    m = m * 2;
    e = e - 1;
  }
  const z = (m - 1) / (m + 1);
  const z2 = z * z;
  let sum: f64 = 0;
  for (let k = 21; k >= 3; k -= 2) sum = (sum + 1 / <f64>k) * z2;
  return e * LN2_HIGH + (e * LN2_LOW + 2 * (z + z * sum));
}

/** e to the power of x: x = k ln 2 + r, then the Taylor series of r, then k doublings. */
export function exponential(x: f64): f64 {
  if (x > 709.4) return Infinity;
  if (x < -708.3) return 0;
  const k = floor<f64>(x / LN2_HIGH + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum: f64 = 1;
  for (let n = 14; n >= 1; n--) sum = 1 + (sum * r) / <f64>n;
  return sum * reinterpret<f64>(u64(<i64>k + 1023) << 52);
}
