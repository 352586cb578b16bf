/** Statistics as a throttle sees them, with whatever a test does not care about filled in. */
import type { ThrottleStats } from "../../src/policy/throttle.js";

export const SECOND_NS = 1_000_000_000;

export function throttleStats(given: Partial<ThrottleStats>): ThrottleStats {
  return {
    nowNs: 10 * SECOND_NS,
    periodNs: SECOND_NS,
    dirtiedBytes: 0,
    sentBytes: 0,
    remainingBytes: 0,
    thresholdBytes: 0,
    bandwidthBytesPerSec: 100,
    memoryBytes: 2 ** 30,
    vcpus: 1,
    rounds: 2,
    ...given,
  };
}
