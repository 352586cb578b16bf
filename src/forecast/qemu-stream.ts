/** What QEMU's stream makes of pages where they do not go one by one as they are. */

/** multifd's packets: 128 pages, 8 bytes a page and some 330 of header, seldom full (multifd.c). */
export const MULTIFD_PACKETS = { pageWireBytes: 4121, packetPages: 128 } as const;

const PAGE_BYTES = 4096;

/** Places of an XBZRLE cache of so many bytes: a power of two (page_cache.c). */
export function xbzrlePlaces(cacheBytes: number): number {
  let places = 1;
  while (places * 2 * PAGE_BYTES <= cacheBytes) places *= 2;
  return places;
}
