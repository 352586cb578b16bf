/** Columns as C's printf makes them, for texts that must agree with xl's and xentop's to the byte. */

/** `%5s`; longer text is kept whole. */
export function right(value: number | string, width: number): string {
  return String(value).padStart(width);
}

/** `%-40s`. */
export function left(value: string, width: number): string {
  return value.padEnd(width);
}

/**
 * `%.1f`. printf rounds the exact binary value and a tie to the even digit; toFixed takes ties
 * up. The only ties are odd quarters.
 */
export function oneDecimal(value: number): string {
  const isTie = Number.isInteger(value * 4) && (value * 4) % 2 !== 0;
  if (!isTie) return value.toFixed(1);
  const below = Math.floor(value * 10);
  return ((below % 2 === 0 ? below : below + 1) / 10).toFixed(1);
}

/** Seconds of processor time as xl prints them: it goes through single precision on the way. */
export function xlSeconds(timeNs: number): string {
  return oneDecimal(Math.fround(timeNs) / 1e9);
}
