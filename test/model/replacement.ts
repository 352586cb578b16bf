/**
 * Page replacement as the textbooks tell it, on plain arrays: FIFO, least recently used, clock
 * (second chance) and Belady's optimum. Each returns the number of misses.
 */

export function fifoMisses(references: number[], frames: number): number {
  const queue: number[] = [];
  let misses = 0;
  for (const page of references) {
    if (queue.includes(page)) continue;
    misses++;
    if (queue.length === frames) queue.shift();
    queue.push(page);
  }
  return misses;
}

export function lruMisses(references: number[], frames: number): number {
  const recent: number[] = [];
  let misses = 0;
  for (const page of references) {
    const at = recent.indexOf(page);
    if (at >= 0) recent.splice(at, 1);
    else misses++;
    recent.unshift(page);
    if (recent.length > frames) recent.pop();
  }
  return misses;
}

export function clockMisses(references: number[], frames: number, loaded: boolean): number {
  const ring: { page: number; r: boolean }[] = [];
  let hand = 0;
  let misses = 0;
  for (const page of references) {
    const held = ring.find((frame) => frame.page === page);
    if (held !== undefined) {
      held.r = true;
      continue;
    }
    misses++;
    if (ring.length < frames) {
      ring.push({ page, r: loaded });
      continue;
    }
    while (ring[hand]!.r) {
      ring[hand]!.r = false;
      hand = (hand + 1) % frames;
    }
    ring[hand] = { page, r: loaded };
    hand = (hand + 1) % frames;
  }
  return misses;
}

/** Evicts the page whose next use is furthest away. */
export function optimalMisses(references: number[], frames: number): number {
  const held = new Set<number>();
  let misses = 0;
  references.forEach((page, now) => {
    if (held.has(page)) return;
    misses++;
    if (held.size === frames) {
      const nextUse = (p: number): number => {
        const at = references.indexOf(p, now + 1);
        return at < 0 ? Number.POSITIVE_INFINITY : at;
      };
      held.delete([...held].sort((a, b) => nextUse(b) - nextUse(a))[0]!);
    }
    held.add(page);
  });
  return misses;
}
