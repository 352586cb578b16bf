/**
 * XBZRLE, QEMU's delta of a page against the copy that the target has: runs of equal and of
 * differing bytes, byte for byte as migration/xbzrle.c writes them (xbzrle_encode_buffer,
 * xbzrle_decode_buffer).
 *
 *   delta  ┌──────┬───────┬────────────┬──────┬───────┬────────────┬─···
 *          │ zrun │ nzrun │ bytes      │ zrun │ nzrun │ bytes      │      the last zrun is left out
 *          └──────┴───────┴────────────┴──────┴───────┴────────────┴─···
 *           uleb   uleb    nzrun bytes  lengths take 1 byte below 128, else 2
 *
 * Runs are as long as they can be: one equal byte ends a run of differing ones. Time O(bytes), 16
 * bytes a step with SIMD, 8 without. The decoder looks at the whole delta before it writes a byte,
 * so that a malformed one changes nothing.
 */
const PAGE: usize = 4096;

/** Writes the delta of `old` to `fresh` (4 KiB each) to `out` and returns its length: 0 when the
 * pages are equal, -1 when it would pass 4096 bytes (`out` is scratch then). */
export function xbzrleEncode(old: usize, fresh: usize, out: usize): i32 {
  let at: usize = 0;
  let length: usize = 0;
  while (at < PAGE) {
    if (length + 2 > PAGE) return -1;
    const changed = endOfEqual(old, fresh, at);
    if (changed === PAGE) return <i32>length;
    length += putLength(out + length, changed - at);
    if (length + 2 > PAGE) return -1;
    at = endOfDiffering(old, fresh, changed);
    const bytes = at - changed;
    length += putLength(out + length, bytes);
    if (length + bytes > PAGE) return -1;
    copy(out + length, fresh + changed, bytes);
    length += bytes;
  }
  return <i32>length;
}

/** Applies a delta of `length` bytes to the page; -1, and the page as it was, when it is malformed:
 * truncated, empty, a length of 3 bytes or of 2 that fit 1, an empty run, or past the page. */
export function xbzrleDecode(delta: usize, length: u32, page: usize): i32 {
  if (!isWellFormed(delta, <usize>length)) return -1;
  let at: usize = 0;
  let d: usize = 0;
  while (at < <usize>length) {
    d += <usize>lengthAt(delta + at);
    at += sizeAt(delta + at);
    const bytes = <usize>lengthAt(delta + at);
    at += sizeAt(delta + at);
    copy(page + d, delta + at, bytes);
    d += bytes;
    at += bytes;
  }
  return <i32>d;
}

function isWellFormed(delta: usize, length: usize): bool {
  if (length === 0 || length > PAGE) return false;
  let at: usize = 0;
  let d: usize = 0;
  while (at < length) {
    for (let run = 0; run < 2; run++) {
      // A length of two bytes at the very end would be read past it.
      if (length - at < 2 || !isLength(delta + at)) return false;
      const count = <usize>lengthAt(delta + at);
      // Only the first run of equal bytes may be empty.
      if (count === 0 && (run === 1 || at > 0)) return false;
      at += sizeAt(delta + at);
      d += count;
      if (d > PAGE) return false;
      if (run === 1) {
        if (count > length - at) return false;
        at += count;
      }
    }
  }
  return true;
}

/** A run length of at most two bytes, the second of which is needed and ends it. */
function isLength(at: usize): bool {
  if (load<u8>(at) < 128) return true;
  const high = load<u8>(at, 1);
  return high !== 0 && high < 128;
}

function lengthAt(at: usize): u32 {
  const low = <u32>load<u8>(at);
  return low < 128 ? low : (low & 127) | ((<u32>load<u8>(at, 1)) << 7);
}

function sizeAt(at: usize): usize {
  return load<u8>(at) < 128 ? 1 : 2;
}

function putLength(out: usize, value: usize): usize {
  if (value < 128) {
    store<u8>(out, <u8>value);
    return 1;
  }
  store<u8>(out, <u8>(value & 127) | 128);
  store<u8>(out, <u8>(value >> 7), 1);
  return 2;
}

/** The first byte from `at` on that differs. */
function endOfEqual(a: usize, b: usize, at: usize): usize {
  if (ASC_FEATURE_SIMD) {
    for (; at + 16 <= PAGE; at += 16) {
      const x = v128.xor(v128.load(a + at), v128.load(b + at));
      if (v128.any_true(x)) return at + ctz<u32>(~equalBytes(a + at, b + at));
    }
  } else {
    for (; at + 8 <= PAGE; at += 8) {
      const x = load<u64>(a + at) ^ load<u64>(b + at);
      if (x !== 0) return at + (<usize>ctz<u64>(x) >> 3);
    }
  }
  while (at < PAGE && load<u8>(a + at) === load<u8>(b + at)) at++;
  return at;
}

/** The first byte from `at` on that is equal. */
function endOfDiffering(a: usize, b: usize, at: usize): usize {
  if (ASC_FEATURE_SIMD) {
    for (; at + 16 <= PAGE; at += 16) {
      const equal = equalBytes(a + at, b + at);
      if (equal !== 0) return at + ctz<u32>(equal);
    }
  } else {
    const ones: u64 = ((<u64>0x01010101) << 32) | 0x01010101;
    for (; at + 8 <= PAGE; at += 8) {
      const x = load<u64>(a + at) ^ load<u64>(b + at);
      // The lowest marked byte is the first zero byte of x; those above it may be marked wrongly.
      const zeros = (x - ones) & ~x & (ones << 7);
      if (zeros !== 0) return at + (<usize>ctz<u64>(zeros) >> 3);
    }
  }
  while (at < PAGE && load<u8>(a + at) !== load<u8>(b + at)) at++;
  return at;
}

/** Bit i: byte i of the 16 at `a` is that at `b`. */
function equalBytes(a: usize, b: usize): u32 {
  return <u32>i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b)));
}

/** Bytes that do not overlap; most runs are a word or two. */
function copy(to: usize, from: usize, bytes: usize): void {
  let i: usize = 0;
  for (; i + 8 <= bytes; i += 8) store<u64>(to + i, load<u64>(from + i));
  for (; i < bytes; i++) store<u8>(to + i, load<u8>(from + i));
}
