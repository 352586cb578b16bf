/**
 * CRC-32 as in gzip, zip and PNG (polynomial 0x04C11DB7 reflected, RFC 1952 section 8): notices
 * cut and damaged files. It is no protection against intent.
 */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb88320);
  return crc;
});

/** The CRC of bytes seen so far (`before`, 0 at the start) followed by `bytes`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) {
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
