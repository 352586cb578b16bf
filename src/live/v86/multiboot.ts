/**
 * Multiboot images by hand (Multiboot specification 0.6.96, section 3.1): a header with load
 * addresses, then code, for guests that need no BIOS and no linker.
 */
const MAGIC = 0x1bad_b002;
/** The header's own address fields are valid, so that no ELF is needed. */
const HAS_ADDRESSES = 0x1_0000;
const HEADER_BYTES = 32;
/** v86 looks for the header in so many first bytes. */
const SEARCHED_BYTES = 8192;

/** Where {@link multibootImage} loads, and where its code begins. */
export const IMAGE_LOAD_ADDRESS = 0x10_0000;
export const IMAGE_ENTRY = IMAGE_LOAD_ADDRESS + HEADER_BYTES;

/** An image of 32-bit protected-mode code, entered at {@link IMAGE_ENTRY} with paging off. */
export function multibootImage(code: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(HEADER_BYTES + code.length);
  const header = new DataView(image.buffer);
  const checksum = -(MAGIC + HAS_ADDRESSES) >>> 0;
  // Where the header lies, where to load from, to the end of the file, without bss, the entry.
  const fields = [MAGIC, HAS_ADDRESSES, checksum, IMAGE_LOAD_ADDRESS, IMAGE_LOAD_ADDRESS];
  [...fields, 0, 0, IMAGE_ENTRY].forEach((field, i) => {
    header.setUint32(4 * i, field, true);
  });
  image.set(code, HEADER_BYTES);
  return image;
}

/** Whether v86 will find a header in these bytes. */
export function isMultiboot(image: Uint8Array): boolean {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  for (let at = 0; at + 12 <= Math.min(image.length, SEARCHED_BYTES); at += 4) {
    if (view.getUint32(at, true) !== MAGIC) continue;
    const sum = MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true);
    if (sum >>> 0 === 0) return true;
  }
  return false;
}
