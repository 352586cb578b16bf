/**
 * The memory of a guest that is described, not recorded: a program writes pages of a region at a
 * set rate, all memory around it is zero, firmware lies behind the RAM.
 */
import { PrecopyError } from "../base/errors.js";
import { exponential, logarithm } from "../base/math.js";
import type { PageClass } from "./class-memory.js";
import type { DirtierWorkload } from "./dirtier-workload.js";

/** `-machine pc`: pc.bios and pc.rom, 130 pages in all with what rounds them up. */
export const FIRMWARE_PAGES = 130;
/** Of the firmware and the program together, what is not zero: 91 pages, the same in every run. */
export const FIRMWARE_ZERO_SHARE = 39 / 130;
/** The program's stack, statistics and timer: written all the time. */
const PROGRAM = { firstPage: 256, pages: 4, writesPerPageSec: 1000 };
/** A word written costs 0.59 us in software emulation, a turn of the spin loop 2.5 ns. */
const WRITE_US = 0.59;
const SPIN_US = 0.0025;

/** Writes a second; a rate of 0 is bound by the CPU. */
export function dirtierRate({ rate, spin = 0 }: DirtierWorkload): number {
  const fastest = 1e6 / (WRITE_US + spin * SPIN_US);
  return rate > 0 ? Math.min(rate, fastest) : fastest;
}

export function dirtierClasses(workload: DirtierWorkload, memoryPages: number): PageClass[] {
  const firstPage = workload.base_mb * 256;
  const { region_pages: regionPages, fill, content, wss } = workload;
  const tail = memoryPages - firstPage - regionPages;
  if (tail < 0 || wss > regionPages) {
    throw new PrecopyError("bad-input", "a dirtier's region does not fit into its guest's memory");
  }
  const kind = { zeroShare: fill === "zero" ? 1 : 0, writesZeros: content === "zero" };
  const zeros = { writesPerPageSec: 0, zeroShare: 1 };
  const { firstPage: programPage, pages, writesPerPageSec } = PROGRAM;
  return [
    { pages: programPage, ...zeros },
    { pages, writesPerPageSec },
    { pages: firstPage - programPage - pages, ...zeros },
    ...written(workload).map((one) => ({ ...one, ...kind })),
    { pages: regionPages - wss, writesPerPageSec: 0, ...kind },
    { pages: tail, ...zeros },
    { pages: FIRMWARE_PAGES, writesPerPageSec: 0, zeroShare: FIRMWARE_ZERO_SHARE },
  ].filter((one) => one.pages > 0);
}

function written(workload: DirtierWorkload): PageClass[] {
  const { wss, dist, hotn = 1, hotp = 0 } = workload;
  const rate = dirtierRate(workload);
  if (dist === "hot") {
    const hot = { pages: hotn, writesPerPageSec: (rate * hotp) / 100 / hotn };
    const cold = wss - hotn;
    return [hot, { pages: cold, writesPerPageSec: (rate * (1 - hotp / 100)) / Math.max(1, cold) }];
  }
  const even = { pages: wss, writesPerPageSec: rate / wss };
  if (dist === "seq") return [{ ...even, sequential: true }];
  if (dist !== "zipf") return [even];
  return octaves(wss, rate);
}

/** A region's parts, each with its share of every class. */
const PARTS = 64;

/**
 * The program's zipf: an octave of numbers is chosen evenly, then one in it; numbers are scattered
 * over the region, so that each part of it holds pages of every octave.
 */
function octaves(wss: number, rate: number): PageClass[] {
  const sizes: number[] = [];
  for (let first = 1; first <= wss; first *= 2) sizes.push(Math.min(first * 2, wss + 1) - first);
  const parts = Math.max(1, Math.min(PARTS, Math.floor(wss / 64)));
  const part = sizes.map((pages) => {
    return { pages: pages / parts, writesPerPageSec: rate / sizes.length / pages };
  });
  return Array.from({ length: parts }, () => part).flat();
}

const PAGE_WORDS = 1024;

/**
 * Bytes of an XBZRLE difference after so many writes: a run of what is the same, a run of what is
 * not, and so on, each with its length in one byte or two (migration/xbzrle.c).
 */
export function deltaBytesOf({ content, dn }: DirtierWorkload, writes: number): number {
  // The lowest byte of one word: two lengths, and the byte.
  if (content === "inc") return 3 + writes / 256;
  if (content !== "delta") return 4096;
  // `dn` words at even distances, each write from another place on.
  const share = Math.min(1, dn / PAGE_WORDS);
  const words = PAGE_WORDS * (1 - exponential(writes * logarithm(Math.max(1e-9, 1 - share))));
  const apart = Math.max(0, 1 - Math.max(0, words - dn) / PAGE_WORDS);
  const runs = Math.min(words * apart, PAGE_WORDS - words + 1);
  const gapBytes = (4 * (PAGE_WORDS - words)) / Math.max(1, runs);
  return Math.min(4096, 4 * words + runs * (gapBytes < 128 ? 2 : 3));
}
