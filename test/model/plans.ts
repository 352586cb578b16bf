/** Plans by trying everything: what the planners are measured against. For a handful of guests. */

export interface Case {
  /** Free pages by host, guests in place. */
  readonly free: readonly number[];
  /** Host and pages. */
  readonly guests: readonly (readonly [host: number, pages: number])[];
}

/** Can the guests of host 0 go to the others in any way? */
export function canEvacuate({ free, guests }: Case): boolean {
  const sizes = guests.filter(([host]) => host === 0).map(([, pages]) => pages);
  const place = (at: number, room: readonly number[]): boolean => {
    const pages = sizes[at];
    if (pages === undefined) return true;
    return room.some((left, host) => {
      if (host === 0 || left < pages) return false;
      return place(
        at + 1,
        room.map((r, i) => (i === host ? r - pages : r)),
      );
    });
  };
  return place(0, free);
}

/** Fewest hosts that hold guests, wherever each guest goes among those that hold some now. */
export function fewestHosts({ free, guests }: Case): number {
  const busy = [...new Set(guests.map(([host]) => host))];
  const room = new Map(busy.map((host) => [host, free[host] as number]));
  for (const [host, pages] of guests) room.set(host, (room.get(host) as number) + pages);
  let best = busy.length;
  const place = (at: number, used: ReadonlySet<number>) => {
    if (used.size >= best) return;
    const guest = guests[at];
    if (guest === undefined) {
      best = used.size;
      return;
    }
    for (const host of busy) {
      const left = room.get(host) as number;
      if (left < guest[1]) continue;
      room.set(host, left - guest[1]);
      place(at + 1, new Set([...used, host]));
      room.set(host, left);
    }
  };
  place(0, new Set());
  return best;
}

/**
 * Least pages that have to be moved for hosts 0 and 1 to exchange their guests, Infinity if it
 * cannot be done: Dijkstra over where the guests stand.
 */
export function leastSwap({ free, guests }: Case): number {
  const movers = guests.filter(([host]) => host < 2);
  const goal = movers.map(([host]) => 1 - host).join();
  const cost = new Map([[movers.map(([host]) => host).join(), 0]]);
  const open = new Set(cost.keys());
  while (open.size > 0) {
    const key = [...open].reduce((a, b) =>
      (cost.get(b) as number) < (cost.get(a) as number) ? b : a,
    );
    open.delete(key);
    const spent = cost.get(key) as number;
    if (key === goal) return spent;
    const at = key.split(",").map(Number);
    const room = [...free];
    movers.forEach(([host, pages], i) => {
      room[host] = (room[host] as number) + pages;
      room[at[i] as number] = (room[at[i] as number] as number) - pages;
    });
    movers.forEach(([, pages], i) => {
      room.forEach((left, to) => {
        if (to === at[i] || left < pages) return;
        const next = at.map((host, j) => (j === i ? to : host)).join();
        if ((cost.get(next) ?? Number.POSITIVE_INFINITY) <= spent + pages) return;
        cost.set(next, spent + pages);
        open.add(next);
      });
    });
  }
  return Number.POSITIVE_INFINITY;
}
