/** Medians and quartiles (linear interpolation between order statistics). */

export interface Spread {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

export function median(values: readonly number[]): number {
  return quantile(sorted(values), 0.5);
}

/** The median with the quartiles on both sides. */
export function quartiles(values: readonly number[]): Spread {
  const ordered = sorted(values);
  return {
    median: quantile(ordered, 0.5),
    lower: quantile(ordered, 0.25),
    upper: quantile(ordered, 0.75),
  };
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b);
}

function quantile(ordered: readonly number[], share: number): number {
  const at = (ordered.length - 1) * share;
  const below = ordered[Math.floor(at)] as number;
  const above = ordered[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}
