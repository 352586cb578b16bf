/**
 * Two further readings of WSClock on the ring of wsclock.ts (its memory is drawn there), a page a
 * step: the replacement form, which ends with one victim (Tanenbaum, Modern Operating Systems
 * 3.4.9), and the literal order of the bullets in section 4.2 of the paper that this project began
 * with. Time O(pages).
 */
import { keepAges } from "./wsclock";

/**
 * The page to replace: the hand passes R = 1 (cleared, stamped) and the working set, schedules the
 * write of old dirty pages and stops at the first old clean one. After a full circle the first
 * clean page of any age is claimed; if there is none, -1 when a write was scheduled (complete one
 * and ask again), else the current page, which has to be written back. -1 too for an empty ring.
 * Writes are counted at +40 of the header.
 */
export function wsclockVictim(
  ring: usize,
  modified: usize,
  now: u32,
  dirty: usize,
  writesMax: u32,
): i32 {
  keepAges(ring, now);
  const pages = load<u32>(ring, 4);
  const tau = load<u32>(ring, 8);
  const rs = ring + <usize>load<u32>(ring, 16);
  const ons = ring + <usize>load<u32>(ring, 20);
  const lasts = ring + <usize>load<u32>(ring, 24);
  const hand = load<u32>(ring);
  let writes: u32 = 0;
  let firstClean: i32 = -1;
  let current: i32 = -1;
  let page = hand;
  for (let k: u32 = 0; k < pages; k++) {
    if (hasBit(ons, page)) {
      const last = lasts + ((<usize>page) << 2);
      if (current < 0) current = <i32>page;
      const clean = !hasBit(modified, page);
      if (clean && firstClean < 0) firstClean = <i32>page;
      if (hasBit(rs, page)) {
        clearBit(rs, page);
        store<u32>(last, now);
      } else if (now - load<u32>(last) > tau) {
        if (clean) {
          store<u32>(ring, writes, 40);
          return claim(ring, <i32>page);
        }
        if (writes < writesMax) {
          if (dirty !== 0) store<u32>(dirty + ((<usize>writes) << 2), page);
          writes++;
        }
      }
    }
    page = page + 1 === pages ? 0 : page + 1;
  }
  store<u32>(ring, writes, 40);
  if (firstClean >= 0) return claim(ring, firstClean);
  return writes > 0 || current < 0 ? -1 : claim(ring, current);
}

/**
 * The paper's bullets as they are written: "If the reference bit is equal to 1" - in use, nothing
 * is changed. "Otherwise, clear the reference bit and update the time of last use", and only then
 * "if the reference bit is equal to 0, and age of the page is less than T" - in the working set.
 * The age was set to 0 a sentence before, so with T > 0 no page ever leaves the set, and with
 * T = 0 every page with R = 0 is cleaned (dirty: written; clean: a victim), however recent.
 */
export function wsclockSweepLiteral(
  ring: usize,
  modified: usize,
  now: u32,
  clean: usize,
  victimsMax: u32,
  dirty: usize,
  writesMax: u32,
): void {
  const pages = load<u32>(ring, 4);
  const tau = load<u32>(ring, 8);
  const rs = ring + <usize>load<u32>(ring, 16);
  const ons = ring + <usize>load<u32>(ring, 20);
  const lasts = ring + <usize>load<u32>(ring, 24);
  let victims: u32 = 0;
  let writes: u32 = 0;
  let members: u32 = 0;
  const hand = load<u32>(ring);
  let page = hand;
  for (let k: u32 = 0; k < pages && victims < victimsMax; k++) {
    const here = page;
    page = page + 1 === pages ? 0 : page + 1;
    if (!hasBit(ons, here)) continue;
    if (hasBit(rs, here)) {
      members++;
      continue;
    }
    const last = lasts + ((<usize>here) << 2);
    store<u32>(last, now);
    if (now - load<u32>(last) < tau) {
      members++;
    } else if (!hasBit(modified, here)) {
      if (clean !== 0) store<u32>(clean + ((<usize>victims) << 2), here);
      victims++;
    } else if (writes < writesMax) {
      if (dirty !== 0) store<u32>(dirty + ((<usize>writes) << 2), here);
      writes++;
    }
  }
  store<u32>(ring, page);
  store<u32>(ring, victims, 36);
  store<u32>(ring, writes, 40);
  store<u32>(ring, members, 44);
  store<u32>(ring, page === hand ? 1 : 0, 48);
}

/** Leaves the hand behind the page. */
function claim(ring: usize, page: i32): i32 {
  const next = <u32>page + 1;
  store<u32>(ring, next === load<u32>(ring, 4) ? 0 : next);
  return page;
}

function hasBit(bits: usize, page: u32): bool {
  return ((load<u32>(bits + (usize(page >> 5) << 2)) >> (page & 31)) & 1) !== 0;
}

function clearBit(bits: usize, page: u32): void {
  const at = bits + (usize(page >> 5) << 2);
  store<u32>(at, load<u32>(at) & ~(1 << (page & 31)));
}
