/** Why a migration's rounds ended, in words; the short names are those of the stop rules. */
const WORDS = new Map([
  ["suspended", "nothing is sent before the pause"],
  ["dirty-count", "few enough pages were left"],
  ["downtime-limit", "the rest fits into the downtime limit"],
  ["no-progress", "a round left as much as the one before"],
  ["max-iterations", "the round limit was reached"],
  ["max-factor", "the limit of bytes sent was reached"],
  ["no-progress-at-maximum-rate", "a round sent more than the one before, at the highest rate"],
  ["rate-above-maximum", "the guest writes faster than the highest rate"],
  ["threshold", "the rest fits under the threshold"],
  ["nothing-left", "nothing is left to send"],
  ["post-copy", "the guest is switched to post-copy"],
  ["at once", "the guest goes first"],
  ["fits the downtime limit", "the rest is small enough for a pause"],
  ["does not converge", "rounds do not get there"],
  ["timeout", "the time limit was reached"],
  ["cancelled", "it was cancelled"],
]);

/** Rules that stop a loop that does not get there by itself. */
const LIMITS: ReadonlySet<string> = new Set([
  "max-iterations",
  "max-factor",
  "no-progress",
  "timeout",
  "no-progress-at-maximum-rate",
  "rate-above-maximum",
]);

/** "few enough pages were left (dirty-count)"; an unknown reason as it is. */
export function explainStop(reason: string): string {
  const words = WORDS.get(reason);
  return words === undefined ? reason : `${words} (${reason})`;
}

/** True when the rounds ended by a limit and not because little was left. */
export function stoppedByLimit(reason: string): boolean {
  return LIMITS.has(reason);
}
