/**
 * Max-min fair rates by progressive filling (Bertsekas & Gallager, Data Networks, 2nd ed.,
 * section 6.5.2), with weights and a bound per flow: all rates rise together, in proportion to
 * the weights; a flow stops at its bound or when a link on its path is full.
 */

/** A flow to be rated. `rate` is the answer. */
export interface RatedFlow {
  /** A positive integer, so that sums of weights stay exact. */
  readonly weight: number;
  /** What it may take at most; Infinity for no bound. */
  readonly boundBytesPerSec: number;
  /** Indexes into the links, none twice. */
  readonly path: readonly number[];
  rate: number;
}

interface Filling {
  readonly capacity: number;
  readonly flows: number[];
  takenByFrozen: number;
  rising: number;
  risingWeight: number;
}

/**
 * Sets every flow's `rate`, in the unit of the capacities. A flow gets Infinity when neither a
 * bound nor a link stops it. O(F log F + (F + L) L) for F flows on L links.
 */
export function maxMinRates(
  flows: readonly RatedFlow[],
  capacitiesBytesPerSec: readonly number[],
): void {
  const links = fillings(flows, capacitiesBytesPerSec);
  const byBound = flows.map((_, at) => at);
  // Two without a bound compare as NaN, and then by their place.
  byBound.sort((a, b) => boundLevel(flows[a]!) - boundLevel(flows[b]!) || a - b);
  const frozen = new Uint8Array(flows.length);

  const freeze = (at: number, rate: number): void => {
    const flow = flows[at]!;
    frozen[at] = 1;
    flow.rate = rate;
    for (const index of flow.path) {
      const link = links[index]!;
      link.takenByFrozen += rate;
      link.rising--;
      link.risingWeight -= flow.weight;
    }
  };

  let next = 0;
  while (next < byBound.length) {
    const at = byBound[next]!;
    if (frozen[at] === 1) {
      next++;
      continue;
    }
    const tightest = tightestLink(links);
    const level = tightest === undefined ? Number.POSITIVE_INFINITY : fullLevel(tightest);
    if (boundLevel(flows[at]!) <= level) {
      freeze(at, flows[at]!.boundBytesPerSec);
      continue;
    }
    for (const other of tightest!.flows) {
      if (frozen[other] === 0) freeze(other, flows[other]!.weight * level);
    }
  }
}

function fillings(flows: readonly RatedFlow[], capacities: readonly number[]): Filling[] {
  const links = capacities.map(
    (capacity): Filling => ({
      capacity,
      flows: [],
      takenByFrozen: 0,
      rising: 0,
      risingWeight: 0,
    }),
  );
  flows.forEach((flow, at) => {
    for (const index of flow.path) {
      const link = links[index]!;
      link.flows.push(at);
      link.rising++;
      link.risingWeight += flow.weight;
    }
  });
  return links;
}

/** The level (rate per unit of weight) at which a flow reaches its bound. */
function boundLevel(flow: RatedFlow): number {
  return flow.boundBytesPerSec / flow.weight;
}

/** The level at which a link is full. */
function fullLevel(link: Filling): number {
  if (link.capacity === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  return Math.max(0, link.capacity - link.takenByFrozen) / link.risingWeight;
}

function tightestLink(links: readonly Filling[]): Filling | undefined {
  let tightest: Filling | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  for (const link of links) {
    if (link.rising === 0) continue;
    const level = fullLevel(link);
    if (level < lowest) {
      lowest = level;
      tightest = link;
    }
  }
  return tightest;
}
