/**
 * Least recently used: a doubly linked list through an array of nodes, one a page (Mattson et al.,
 * IBM Systems Journal 9(2), 1970, for the stack it keeps).
 *
 *   header (64 bytes)                       nodes, 8 bytes each: {u32 previous, u32 next}
 *   ┌──────────┬──────────────┬──────────┐  ┌────────┬────────┬─ ··· ─┬──────────┐
 *   │ +0 size  │ +4 capacity  │ +8 pages │  │ page 0 │ page 1 │       │ sentinel │
 *   └──────────┴──────────────┴──────────┘  └────────┴────────┴─ ··· ─┴──────────┘
 *   sentinel.next = most recent, sentinel.previous = least recent; not listed = all ones
 *
 * Both links of a node lie in one u64. Time O(1) a touch.
 */
const ABSENT: u64 = ~(<u64>0);

/** All pages unlisted; size, capacity and pages are in the header. */
export function lruInit(lru: usize): void {
  const pages = load<u32>(lru, 8);
  const nodes = lru + 64;
  memory.fill(nodes, 0xff, (<usize>pages) << 3);
  store<u64>(nodes + ((<usize>pages) << 3), pair(pages, pages));
}

/** Moves each page of the list to the head, evicting at the tail when full; returns the hits. */
export function lruTouchList(lru: usize, list: usize, count: u32): u32 {
  const nodes = lru + 64;
  const capacity = load<u32>(lru, 4);
  const sentinel = load<u32>(lru, 8);
  const sentinelAt = nodes + ((<usize>sentinel) << 3);
  let size = load<u32>(lru);
  let head = load<u32>(sentinelAt, 4);
  let hits: u32 = 0;
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const page = load<u32>(at);
    if (page === head) {
      hits++;
      continue;
    }
    const node = nodes + ((<usize>page) << 3);
    const links = load<u64>(node);
    if (links !== ABSENT) {
      hits++;
      // A listed page that is not the head has a real page before it.
      const previous = <u32>links;
      const next = u32(links >> 32);
      store<u32>(nodes + ((<usize>previous) << 3), next, 4);
      store<u32>(nodes + ((<usize>next) << 3), previous);
    } else if (size === capacity) {
      const evicted = nodes + ((<usize>load<u32>(sentinelAt)) << 3);
      const previous = load<u32>(evicted);
      store<u64>(evicted, ABSENT);
      store<u32>(sentinelAt, previous);
      store<u32>(nodes + ((<usize>previous) << 3), sentinel, 4);
      if (previous === sentinel) head = sentinel;
    } else {
      size++;
    }
    store<u64>(node, pair(sentinel, head));
    store<u32>(nodes + ((<usize>head) << 3), page);
    store<u32>(sentinelAt, page, 4);
    head = page;
  }
  store<u32>(lru, size);
  return hits;
}

/** Unlists the page; false when it was not listed. */
export function lruRemove(lru: usize, page: u32): bool {
  const nodes = lru + 64;
  const node = nodes + ((<usize>page) << 3);
  const links = load<u64>(node);
  if (links === ABSENT) return false;
  const previous = <u32>links;
  const next = u32(links >> 32);
  store<u32>(nodes + ((<usize>previous) << 3), next, 4);
  store<u32>(nodes + ((<usize>next) << 3), previous);
  store<u64>(node, ABSENT);
  store<u32>(lru, load<u32>(lru) - 1);
  return true;
}

/** Writes at most `max` pages, the most recent first; returns how many. */
export function lruOrder(lru: usize, out: usize, max: u32): u32 {
  const nodes = lru + 64;
  const sentinel = load<u32>(lru, 8);
  let page = load<u32>(nodes + ((<usize>sentinel) << 3), 4);
  let count: u32 = 0;
  while (page !== sentinel && count < max) {
    store<u32>(out + ((<usize>count) << 2), page);
    count++;
    page = load<u32>(nodes + ((<usize>page) << 3), 4);
  }
  return count;
}

/** Sets the bits of the `max` most recent pages (the bitmap is empty before); returns how many. */
export function lruHottest(lru: usize, bits: usize, max: u32): u32 {
  const nodes = lru + 64;
  const sentinel = load<u32>(lru, 8);
  let page = load<u32>(nodes + ((<usize>sentinel) << 3), 4);
  let count: u32 = 0;
  while (page !== sentinel && count < max) {
    const at = bits + (usize(page >> 5) << 2);
    store<u32>(at, load<u32>(at) | (1 << (page & 31)));
    count++;
    page = load<u32>(nodes + ((<usize>page) << 3), 4);
  }
  return count;
}

function pair(previous: u32, next: u32): u64 {
  return <u64>previous | ((<u64>next) << 32);
}
