/**
 * What pages hold, as far as a forecast needs it: zeros, the size of an XBZRLE difference, how far
 * pages compress. Taken from a measured profile (guest/content-profiles.ts) or said by the user.
 */
import type { ContentProfileSpec } from "../guest/content-profile.js";

export interface ContentFacts {
  /** Of all pages, when the migration starts. */
  readonly zeroShare: number;
  /** Mean bytes of a difference between two versions of a page, 4096 where it would not fit. */
  readonly deltaBytes: number;
  /** Of pages sent again, those that XBZRLE's cache misses although it has room for all of them. */
  readonly deltaMissShare: number;
  /** Bytes on the wire against bytes of the page. */
  readonly deflateShare: number;
  readonly zstdShare: number;
}

/**
 * Nothing is known: no zeros, and the middle of the seven measured guests for the rest (differences
 * between 0.1 and 3.5 KB, deflate 0.36 to 0.75).
 */
export const UNKNOWN_CONTENT: ContentFacts = {
  zeroShare: 0,
  deltaBytes: 2000,
  deltaMissShare: 0,
  deflateShare: 0.55,
  zstdShare: 0.5,
};

const PAGE_BYTES = 4096;
/** Pages that are sent again were sent about so long ago. */
const DELTA_AGE_MS = 1000;

export function contentOfProfile(profile: ContentProfileSpec): ContentFacts {
  const { zeroShare, deflate, zstdOverDeflate, deltas } = profile;
  const [first, ...rest] = deltas;
  const apart = (ageMs: number) => Math.abs(ageMs - DELTA_AGE_MS);
  const delta = rest.reduce(
    (best, one) => (best !== undefined && apart(one.ageMs) < apart(best.ageMs) ? one : best),
    first,
  );
  return {
    zeroShare,
    deltaBytes: delta?.meanBytes ?? PAGE_BYTES,
    deltaMissShare: 0,
    deflateShare: deflate.level1Mean / PAGE_BYTES,
    zstdShare: (deflate.level6Mean * zstdOverDeflate) / PAGE_BYTES,
  };
}
