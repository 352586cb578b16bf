/**
 * XBZRLE deltas in plain TypeScript, a byte at a time.
 */
const PAGE_BYTES = 4096;

/** Lengths of the deltas of pages a to pages b; the deltas lie 4 KiB apart in `out`. */
export function encodeMany(a: Uint8Array, b: Uint8Array, out: Uint8Array, lengths: Int32Array) {
  for (let i = 0; i < lengths.length; i++) lengths[i] = encode(a, b, out, i * PAGE_BYTES);
}

function encode(a: Uint8Array, b: Uint8Array, out: Uint8Array, from: number): number {
  const end = from + PAGE_BYTES;
  let at = from;
  let d = from;
  while (at < end) {
    if (d + 2 > end) return -1;
    const equalFrom = at;
    while (at < end && a[at] === b[at]) at++;
    if (at === end) return d - from;
    d = putLength(out, d, at - equalFrom);
    if (d + 2 > end) return -1;
    const differFrom = at;
    while (at < end && a[at] !== b[at]) at++;
    d = putLength(out, d, at - differFrom);
    if (d + at - differFrom > end) return -1;
    for (let k = differFrom; k < at; k++) out[d++] = b[k] as number;
  }
  return d - from;
}

function putLength(out: Uint8Array, at: number, value: number): number {
  if (value < 128) {
    out[at] = value;
    return at + 1;
  }
  out[at] = (value & 127) | 128;
  out[at + 1] = value >> 7;
  return at + 2;
}
