/**
 * XBZRLE as QEMU's migration/xbzrle.c reads, a byte at a time, with a decoder that also says what
 * is wrong.
 */
const PAGE = 4096;

/** The delta, [] for equal pages, null for an overflow. */
export function encode(old: Uint8Array, fresh: Uint8Array): number[] | null {
  const out: number[] = [];
  let i = 0;
  while (i < PAGE) {
    if (out.length + 2 > PAGE) return null;
    const equalFrom = i;
    while (i < PAGE && old[i] === fresh[i]) i++;
    if (i === PAGE) return out;
    out.push(...uleb(i - equalFrom));
    if (out.length + 2 > PAGE) return null;
    const differFrom = i;
    while (i < PAGE && old[i] !== fresh[i]) i++;
    out.push(...uleb(i - differFrom));
    if (out.length + i - differFrom > PAGE) return null;
    out.push(...fresh.subarray(differFrom, i));
  }
  return out;
}

/** The page with the delta applied, or the reason why the delta is malformed. */
export function decode(delta: ArrayLike<number>, page: Uint8Array): Uint8Array | string {
  if (delta.length === 0) return "empty";
  if (delta.length > PAGE) return "longer than a page";
  const out = page.slice();
  let at = 0;
  let d = 0;
  const length = (): number | string => {
    if (delta.length - at < 2) return "truncated length";
    const low = delta[at++]!;
    if (low < 128) return low;
    const high = delta[at++]!;
    if (high >= 128) return "length of three bytes";
    if (high === 0) return "overlong length";
    return (low & 127) | (high << 7);
  };
  while (at < delta.length) {
    const first = at === 0;
    const equal = length();
    if (typeof equal === "string") return equal;
    if (equal === 0 && !first) return "empty run of equal bytes";
    d += equal;
    if (d > PAGE) return "past the page";
    const differing = length();
    if (typeof differing === "string") return differing;
    if (differing === 0) return "empty run of differing bytes";
    if (d + differing > PAGE) return "past the page";
    if (at + differing > delta.length) return "truncated bytes";
    for (let k = 0; k < differing; k++) out[d++] = delta[at++]!;
  }
  return out;
}

function uleb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, value >> 7];
}
