/**
 * Guests into hosts with room: bin packing. Decreasing heuristics first (Johnson et al., SIAM
 * Journal on Computing 3, 1974; recalled, not verified), and where they leave a guest over, a search
 * through all placements up to a bound, so that small cases that fit are found to fit.
 */
import { largestFirst, type PlacedGuest, pagesOf } from "./plan-placement.js";

export interface Bin {
  readonly host: string;
  readonly freePages: number;
}

/** Index of the bin to take; `bins` are those with room, with what they have left, never empty. */
export type Fit = (bins: readonly Bin[]) => number;

/** Least room left: packs tightly. */
export const bestFit: Fit = (bins) => extreme(bins, (a, b) => a < b);
/** Most room left: spreads evenly. */
export const worstFit: Fit = (bins) => extreme(bins, (a, b) => a > b);
/** In the order of the bins. */
export const firstFit: Fit = () => 0;

export interface PackOptions {
  readonly guests: readonly PlacedGuest[];
  readonly bins: readonly Bin[];
  readonly mayGo: (guest: PlacedGuest, host: string) => boolean;
}

/** By guest, in the order of placing. */
export type Packing = ReadonlyMap<PlacedGuest, string>;

/** Placements that the search tries before it gives up, and guests for which it is tried. */
const TRIES_MAX = 20_000;
const SEARCHED_MAX = 24;

/** Places all guests, largest first, by the first of `fits` that succeeds, or by search. */
export function pack(options: PackOptions, fits: readonly Fit[]): Packing | undefined {
  const room = options.bins.reduce((sum, { freePages }) => sum + freePages, 0);
  if (pagesOf(options.guests) > room) return undefined;
  for (const fit of fits) {
    const { packing, left } = packBy(options, fit);
    if (left === undefined) return packing;
  }
  return options.guests.length <= SEARCHED_MAX ? search(options) : undefined;
}

/** Places guests by one heuristic; `left` is the first that fits nowhere. */
export function packBy(
  { guests, bins, mayGo }: PackOptions,
  choose: Fit,
): { packing: Packing; left: PlacedGuest | undefined; bins: readonly Bin[] } {
  const packing = new Map<PlacedGuest, string>();
  const room = bins.map((bin) => ({ ...bin }));
  for (const guest of largestFirst(guests)) {
    const fitting = room.filter((bin) => bin.freePages >= guest.pages && mayGo(guest, bin.host));
    if (fitting.length === 0) return { packing, left: guest, bins: room };
    const bin = fitting[choose(fitting)] as (typeof room)[number];
    bin.freePages -= guest.pages;
    packing.set(guest, bin.host);
  }
  return { packing, left: undefined, bins: room };
}

function search({ guests, bins, mayGo }: PackOptions): Packing | undefined {
  const order = largestFirst(guests);
  const room = bins.map(({ freePages }) => freePages);
  const chosen: number[] = [];
  const anywhere = order.every((guest) => bins.every(({ host }) => mayGo(guest, host)));
  let tries = 0;
  const place = (at: number): boolean => {
    const guest = order[at];
    if (guest === undefined) return true;
    const seen = new Set<number>();
    for (const [i, { host }] of bins.entries()) {
      const free = room[i] as number;
      // Of bins with equal room one is tried, if all guests may go to all.
      if (free < guest.pages || seen.has(free) || !mayGo(guest, host)) continue;
      if (++tries > TRIES_MAX) return false;
      room[i] = free - guest.pages;
      chosen[at] = i;
      if (place(at + 1)) return true;
      room[i] = free;
      if (anywhere) seen.add(free);
    }
    return false;
  };
  if (!place(0)) return undefined;
  return new Map(order.map((guest, at) => [guest, (bins[chosen[at] as number] as Bin).host]));
}

function extreme(bins: readonly Bin[], better: (a: number, b: number) => boolean): number {
  let best = 0;
  for (const [i, { freePages }] of bins.entries()) {
    if (better(freePages, (bins[best] as Bin).freePages)) best = i;
  }
  return best;
}
