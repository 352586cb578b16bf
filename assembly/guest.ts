/**
 * One guest's memory as the migration sees it: log-dirty and accessed bits, and for every page how
 * often it was written and when it was last used.
 *
 *   header (64 bytes)                      then, each 64-byte aligned, at the header's offsets
 *   ┌────────────────┬─────────────────┐   ┌───────────────────┐
 *   │ +0  newlyDirty │ +4  pages       │   │ dirty       1 bit │  0 -> 1 counts a write fault
 *   │ +8  dirtyAt    │ +12 referencedAt│   │ referenced  1 bit │  absent when its offset is 0
 *   │ +16 versionsAt │ +20 lastUseAt   │   │ versions    u32   │  writes so far, mod 2^32
 *   │ +24 agedAt     │ +28 absentAt    │   │ last use    u32   │  absent when its offset is 0
 *   │ +32 touchedAt  │ +36 fault       │   │ absent      1 bit │  page is not here: an access faults
 *   └────────────────┴─────────────────┘   │ touched     1 bit │  used by a run that can fault
 *                                          └───────────────────┘  (the last two: kept on demand)
 *
 * An access word is a page number with bit 31 set for a write. Time O(accesses), one cache miss
 * for each of the arrays at worst.
 */

/** Bit 31 of an access word: the access is a write. */
export const WRITE: u32 = 0x80000000;

/** Ages beyond this are held at it, so that 32 bits of time never wrap into youth. */
export const AGE_CAP: u32 = 0x40000000;

/** How often, in ticks, the ages are looked over for that. */
const AGING_PERIOD: u32 = 0x20000000;

/** Applies `count` access words at time `now`; `flag` is ORed into each (WRITE for a write batch). */
export function guestTouch(guest: usize, list: usize, count: u32, now: u32, flag: u32): void {
  const dirty = guest + <usize>load<u32>(guest, 8);
  const referencedAt = <usize>load<u32>(guest, 12);
  const referenced = guest + referencedAt;
  const versions = guest + <usize>load<u32>(guest, 16);
  const lastUseAt = <usize>load<u32>(guest, 20);
  const lastUse = guest + lastUseAt;
  let fresh = load<u32>(guest);
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const access = load<u32>(at) | flag;
    const page = access & ~WRITE;
    const write = access >> 31;
    const wordAt = usize(page >> 5) << 2;
    const old = load<u32>(dirty + wordAt);
    fresh += (~old >> (page & 31)) & write;
    store<u32>(dirty + wordAt, old | (write << (page & 31)));
    const version = versions + ((<usize>page) << 2);
    store<u32>(version, load<u32>(version) + write);
    if (referencedAt !== 0) {
      const word = referenced + wordAt;
      store<u32>(word, load<u32>(word) | (1 << (page & 31)));
    }
    if (lastUseAt !== 0) store<u32>(lastUse + ((<usize>page) << 2), now);
  }
  store<u32>(guest, fresh);
}

/**
 * Applies access words as guestTouch does, up to the first one whose page is absent, and marks the
 * pages as touched; returns how many it applied. The access that has to wait is left in the header.
 */
export function guestTouchUntilAbsent(
  guest: usize,
  list: usize,
  count: u32,
  now: u32,
  flag: u32,
): u32 {
  const absent = guest + <usize>load<u32>(guest, 28);
  const touched = guest + <usize>load<u32>(guest, 32);
  const end = list + ((<usize>count) << 2);
  let at = list;
  for (; at < end; at += 4) {
    const page = load<u32>(at) & ~WRITE;
    const wordAt = usize(page >> 5) << 2;
    const bit: u32 = 1 << (page & 31);
    if ((load<u32>(absent + wordAt) & bit) !== 0) {
      store<u32>(guest, load<u32>(at) | flag, 36);
      break;
    }
    store<u32>(touched + wordAt, load<u32>(touched + wordAt) | bit);
  }
  const applied = u32((at - list) >> 2);
  guestTouch(guest, list, applied, now, flag);
  return applied;
}

/** Marks in `bits` the pages that the access words write; `flag` is ORed into each. */
export function accessMarkWrites(list: usize, count: u32, bits: usize, flag: u32): void {
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const access = load<u32>(at) | flag;
    const page = access & ~WRITE;
    const word = bits + (usize(page >> 5) << 2);
    store<u32>(word, load<u32>(word) | ((access >> 31) << (page & 31)));
  }
}

/**
 * Bit p of `out` := page p was used at most `tau` ticks ago (Denning's working set, exactly);
 * returns how many. Pages past the guest's end have no bit in `out` because `pages` is known.
 */
export function guestWorkingSet(guest: usize, now: u32, tau: u32, out: usize): u32 {
  const pages = load<u32>(guest, 4);
  const lastUse = guest + <usize>load<u32>(guest, 20);
  if (now - load<u32>(guest, 24) >= AGING_PERIOD) {
    capAges(lastUse, pages, now);
    store<u32>(guest, now, 24);
  }
  let members: u32 = 0;
  let at = out;
  for (let page: u32 = 0; page < pages; page += 64, at += 8) {
    let young = ~oldMask(lastUse + ((<usize>page) << 2), now, tau);
    if (pages - page < 64) young &= ((<u64>1) << u64(pages - page)) - 1;
    store<u64>(at, young);
    members += <u32>popcnt<u64>(young);
  }
  return members;
}

/** Pulls every age beyond AGE_CAP back to it. */
export function capAges(last: usize, pages: u32, now: u32): void {
  const end = last + ((<usize>pages) << 2);
  for (let at = last; at < end; at += 4) {
    if (now - load<u32>(at) > AGE_CAP) store<u32>(at, now - AGE_CAP);
  }
}

/** True when ages kept since `agedAt` have to be looked over by capAges. */
export function agesAreDue(agedAt: u32, now: u32): bool {
  return now - agedAt >= AGING_PERIOD;
}

/** Bit i := now - last[i] > tau, for 64 entries at `last` (read whole, also past the last page). */
export function oldMask(last: usize, now: u32, tau: u32): u64 {
  if (ASC_FEATURE_SIMD) {
    const nows = i32x4.splat(now);
    const taus = i32x4.splat(tau);
    return (
      <u64>oldMask16(last, nows, taus) |
      ((<u64>oldMask16(last + 64, nows, taus)) << 16) |
      ((<u64>oldMask16(last + 128, nows, taus)) << 32) |
      ((<u64>oldMask16(last + 192, nows, taus)) << 48)
    );
  } else {
    let mask: u64 = 0;
    for (let i: usize = 0; i < 64; i += 4) {
      const at = last + (i << 2);
      const four: u32 =
        u32(now - load<u32>(at) > tau) |
        (u32(now - load<u32>(at, 4) > tau) << 1) |
        (u32(now - load<u32>(at, 8) > tau) << 2) |
        (u32(now - load<u32>(at, 12) > tau) << 3);
      mask |= (<u64>four) << (<u64>i);
    }
    return mask;
  }
}

/** Sixteen lanes: compare, narrow 32 -> 16 -> 8, one bit a lane. */
function oldMask16(p: usize, nows: v128, taus: v128): u32 {
  const a = i32x4.gt_u(i32x4.sub(nows, v128.load(p)), taus);
  const b = i32x4.gt_u(i32x4.sub(nows, v128.load(p, 16)), taus);
  const c = i32x4.gt_u(i32x4.sub(nows, v128.load(p, 32)), taus);
  const d = i32x4.gt_u(i32x4.sub(nows, v128.load(p, 48)), taus);
  return u32(
    i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))),
  );
}
