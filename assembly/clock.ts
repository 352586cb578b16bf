/**
 * Clock, the second-chance algorithm (Corbató, "A paging experiment with the Multics system",
 * 1968): a ring of frames with one R bit each.
 *
 *   header (64 bytes)                                  then
 *   ┌─────────┬─────────┬───────────┬───────────────┐  ┌─────────────────────┐
 *   │ +0 hand │ +4 used │ +8 frames │ +12 pages     │  │ frame of page  u32  │ all ones = none
 *   │ +16 R of a loaded page        │ +20 pages at  │  │ page in frame  u32  │
 *   │ +24 R at                      │               │  │ R of frame     u8   │
 *   └─────────┴─────────┴───────────┴───────────────┘  └─────────────────────┘
 *
 * Time O(1) a hit, amortised O(1) a miss.
 */
const ABSENT: u32 = 0xffffffff;

/** All frames free. */
export function clockInit(clock: usize): void {
  memory.fill(clock + 64, 0xff, (<usize>load<u32>(clock, 12)) << 2);
}

/**
 * Uses each page of the list: a hit sets R; a miss takes the next free frame or, when there is
 * none, the first frame from the hand with R = 0, clearing R on the way. Returns the hits.
 */
export function clockAccessList(clock: usize, list: usize, count: u32): u32 {
  const frameOf = clock + 64;
  const frames = load<u32>(clock, 8);
  const loaded = load<u32>(clock, 16);
  const pageIn = clock + <usize>load<u32>(clock, 20);
  const rs = clock + <usize>load<u32>(clock, 24);
  let hand = load<u32>(clock);
  let used = load<u32>(clock, 4);
  let hits: u32 = 0;
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const page = load<u32>(at);
    const frameAt = frameOf + ((<usize>page) << 2);
    let frame = load<u32>(frameAt);
    if (frame !== ABSENT) {
      hits++;
      store<u8>(rs + <usize>frame, 1);
      continue;
    }
    if (used < frames) {
      frame = used;
      used++;
    } else {
      while (load<u8>(rs + <usize>hand) !== 0) {
        store<u8>(rs + <usize>hand, 0);
        hand = hand + 1 === frames ? 0 : hand + 1;
      }
      frame = hand;
      hand = hand + 1 === frames ? 0 : hand + 1;
      const evicted = load<u32>(pageIn + ((<usize>frame) << 2));
      store<u32>(frameOf + ((<usize>evicted) << 2), ABSENT);
    }
    store<u32>(frameAt, frame);
    store<u32>(pageIn + ((<usize>frame) << 2), page);
    store<u8>(rs + <usize>frame, <u8>loaded);
  }
  store<u32>(clock, hand);
  store<u32>(clock, used, 4);
  return hits;
}

/** Sets the bits of the resident pages (the bitmap is empty before); returns how many. */
export function clockResident(clock: usize, bits: usize): u32 {
  const used = load<u32>(clock, 4);
  const pageIn = clock + <usize>load<u32>(clock, 20);
  for (let at = pageIn, end = pageIn + ((<usize>used) << 2); at < end; at += 4) {
    const page = load<u32>(at);
    const word = bits + (usize(page >> 5) << 2);
    store<u32>(word, load<u32>(word) | (1 << (page & 31)));
  }
  return used;
}
