/**
 * Powers from + - * / alone: Math.pow, Math.log and Math.exp differ between engines, and one seed
 * has to give one result everywhere. `assembly/math.ts` does the same operations in the same order;
 * a test compares the two bit by bit. Method: logarithm by 2 artanh((m-1)/(m+1)) of the mantissa,
 * exponential by its Taylor series after reduction by ln 2 in two parts (the split is fdlibm's).
 */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const SQRT_HALF = Math.SQRT1_2;
const MIN_NORMAL = 2.2250738585072014e-308;
const TWO_54 = 18014398509481984;

const scratch = new DataView(new ArrayBuffer(8));

/** base to the power of exponent, for base > 0; relative error a few 1e-16 times |ln result|. */
export function power(base: number, exponent: number): number {
  if (exponent === 0) return 1;
  return exponential(exponent * logarithm(base));
}

/** Natural logarithm of x > 0. */
export function logarithm(x: number): number {
  let scaled = x;
  let e = 0;
  if (scaled < MIN_NORMAL) {
    scaled *= TWO_54;
    e = -54;
  }
  scratch.setFloat64(0, scaled);
  const high = scratch.getUint32(0);
  e += (high >>> 20) - 1022;
  scratch.setUint32(0, ((high & 0x000fffff) | 0x3fe00000) >>> 0);
  let m = scratch.getFloat64(0);
  if (m < SQRT_HALF) {
    m = m * 2;
    e = e - 1;
  }
  const z = (m - 1) / (m + 1);
  const z2 = z * z;
  let sum = 0;
  for (let k = 21; k >= 3; k -= 2) sum = (sum + 1 / k) * z2;
  return e * LN2_HIGH + (e * LN2_LOW + 2 * (z + z * sum));
}

/** e to the power of x: 0 below -708.3 and Infinity above 709.4 (no subnormal results). */
export function exponential(x: number): number {
  if (x > 709.4) return Number.POSITIVE_INFINITY;
  if (x < -708.3) return 0;
  const k = Math.floor(x / LN2_HIGH + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let n = 14; n >= 1; n--) sum = 1 + (sum * r) / n;
  scratch.setUint32(0, (k + 1023) << 20);
  scratch.setUint32(4, 0);
  return sum * scratch.getFloat64(0);
}
