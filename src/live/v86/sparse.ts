/**
 * Bytes without their runs of zeros: a bitmap of the 256-byte blocks that hold anything, then those
 * blocks. v86's device state is 2 MB of video memory and buffers, of which some KB are in use.
 *
 *   ┌────────────────────────┬─────────┬─────────┬─ ···
 *   │ bit i: block i is here │ 256     │ 256     │          the last block is filled up with zeros
 *   └────────────────────────┴─────────┴─────────┴─ ···
 */
const BLOCK_BYTES = 256;
const BLOCK_WORDS = BLOCK_BYTES / 4;

/** The bytes packed, behind `headerBytes` of room for the caller's own. */
export function packSparse(bytes: Uint8Array, headerBytes: number): Uint8Array<ArrayBuffer> {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const bitmap = new Uint8Array(Math.ceil(blocks / 8));
  let kept = 0;
  for (let i = 0; i < blocks; i++) {
    if (isZero(bytes, i * BLOCK_BYTES)) continue;
    bitmap[i >> 3] = (bitmap[i >> 3] as number) | (1 << (i & 7));
    kept++;
  }
  const packed = new Uint8Array(headerBytes + bitmap.length + kept * BLOCK_BYTES);
  packed.set(bitmap, headerBytes);
  let at = headerBytes + bitmap.length;
  for (let i = 0; i < blocks; i++) {
    if (!isSet(bitmap, i)) continue;
    packed.set(bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES), at);
    at += BLOCK_BYTES;
  }
  return packed;
}

/** What {@link packSparse} packed `sizeBytes` from; undefined when `packed` is not that. */
export function unpackSparse(
  packed: Uint8Array,
  sizeBytes: number,
): Uint8Array<ArrayBuffer> | undefined {
  const blocks = Math.ceil(sizeBytes / BLOCK_BYTES);
  const bitmapBytes = Math.ceil(blocks / 8);
  if (packed.length < bitmapBytes) return undefined;
  const bytes = new Uint8Array(sizeBytes);
  let at = bitmapBytes;
  for (let i = 0; i < blocks; i++) {
    if (!isSet(packed, i)) continue;
    if (at + BLOCK_BYTES > packed.length) return undefined;
    const length = Math.min(BLOCK_BYTES, sizeBytes - i * BLOCK_BYTES);
    bytes.set(packed.subarray(at, at + length), i * BLOCK_BYTES);
    at += BLOCK_BYTES;
  }
  return at === packed.length ? bytes : undefined;
}

function isSet(bitmap: Uint8Array, i: number): boolean {
  return (((bitmap[i >> 3] as number) >> (i & 7)) & 1) === 1;
}

/** Whether the block at `from` is all zero. */
function isZero(bytes: Uint8Array, from: number): boolean {
  const offset = bytes.byteOffset + from;
  if (offset % 4 === 0 && from + BLOCK_BYTES <= bytes.length) {
    const words = new Uint32Array(bytes.buffer, offset, BLOCK_WORDS);
    for (let i = 0; i < BLOCK_WORDS; i++) if (words[i] !== 0) return false;
    return true;
  }
  const to = Math.min(from + BLOCK_BYTES, bytes.length);
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
