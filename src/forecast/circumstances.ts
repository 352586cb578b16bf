/**
 * What nobody knows before a migration starts, within the bounds that were seen on shared machines:
 * a few sets of circumstances, always the same ones, spread evenly by golden ratios. The forecasts
 * under them give the range of a forecast; under the usual circumstances they give its middle.
 */

export interface Circumstances {
  /** What the link carries against what it was said to. */
  readonly linkShare: number;
  /** Of a guest that is bound by its CPU, against what was measured. */
  readonly guestSpeed: number;
  /** How much later things begin; windows of 100 ms fall differently on the passes. */
  readonly laterMs: number;
  /** Of looking at pages of zeros, against what was measured. */
  readonly zeroCost: number;
  /** Of what the link fell short by in the first pass, what it falls short by later. */
  readonly shortLater?: number;
}

export const USUAL: Circumstances = { linkShare: 1, guestSpeed: 1, laterMs: 0, zeroCost: 1 };

/** Fractional parts of the plastic number's powers: Roberts' R3 sequence, and of two roots. */
const STEPS = [
  ...[0.8191725133961645, 0.6710436067037893, 0.5497004779019703],
  ...[0.6180339887498949, 0.41421356237309515],
];

/** How far apart the circumstances lie; all from the fit half of the recorded runs. */
export interface Spread {
  /** The link falls short by up to this share. */
  readonly linkShort: number;
  /** A busy guest's speed lies between these. */
  readonly speed: readonly [number, number];
}

/** The rate was measured in the first pass, and may fall under load later. */
export const MEASURED_SPREAD: Spread = { linkShort: 0.04, speed: [0.7, 1.6] };
/** The rate is what the link was set to: 0.87 to 1.0 of it came through. */
export const NOMINAL_SPREAD: Spread = { linkShort: 0.13, speed: [0.7, 1.6] };

export function circumstances(count: number, { linkShort, speed }: Spread): Circumstances[] {
  const at = (i: number, step: number) => ((i + 1) * (STEPS[step] as number)) % 1;
  const [slow, fast] = speed;
  return Array.from({ length: count }, (_, i) => ({
    // Small shortfalls are usual, large ones are rare.
    linkShare: 1.01 - linkShort * at(i, 0) * at(i, 0),
    guestSpeed: slow + (fast - slow) * at(i, 1),
    laterMs: 10 * at(i, 2) * at(i, 2),
    zeroCost: 0.5 + 0.9 * at(i, 3),
    shortLater: at(i, 4),
  }));
}
