/**
 * CRC-32 of ISO 3309 and zlib (polynomial 0xEDB88320, reflected), eight bytes a step by eight tables
 * ("slicing by 8": Kounavis & Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC
 * Generation", IEEE Trans. Computers 2008; recalled, not verified). It finds every burst of up to 32 bits; it is no
 * protection against anybody who means harm.
 */
const POLYNOMIAL = 0xedb88320;
const SLICES = 8;

const TABLES = makeTables();

/**
 * The CRC of `bytes`, going on from `crc`, which is that of what came before (0: of nothing).
 */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const t = TABLES;
  const end = bytes.length;
  const last = end - SLICES;
  let c = ~crc;
  let i = 0;
  for (; i <= last; i += SLICES) {
    c ^=
      at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24);
    c =
      at(t, 0x700 | (c & 0xff)) ^
      at(t, 0x600 | ((c >>> 8) & 0xff)) ^
      at(t, 0x500 | ((c >>> 16) & 0xff)) ^
      at(t, 0x400 | (c >>> 24)) ^
      at(t, 0x300 | at(bytes, i + 4)) ^
      at(t, 0x200 | at(bytes, i + 5)) ^
      at(t, 0x100 | at(bytes, i + 6)) ^
      at(t, at(bytes, i + 7));
  }
  for (; i < end; i++) c = at(t, (c ^ at(bytes, i)) & 0xff) ^ (c >>> 8);
  return ~c >>> 0;
}

function at(array: Uint8Array | Uint32Array, i: number): number {
  return array[i] as number;
}

/** Table k: the CRC of a byte that k zero bytes follow. */
function makeTables(): Uint32Array {
  const tables = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
    tables[byte] = c;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = at(tables, i - 256);
    tables[i] = at(tables, before & 0xff) ^ (before >>> 8);
  }
  return tables;
}
