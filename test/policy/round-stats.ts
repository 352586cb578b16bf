/** Statistics as a stop rule sees them, with whatever a test does not care about filled in. */
import type { RoundStats } from "../../src/policy/stop-rule.js";

export function roundStats(given: Partial<RoundStats>): RoundStats {
  return {
    iteration: 1,
    totalWritten: 1000,
    dirtyCount: -1,
    dirtyBytes: -1,
    elapsedNs: 0,
    bandwidthBytesPerSec: 0,
    downtimeLimitNs: 300_000_000,
    fixedDowntimeNs: 0,
    memoryPages: 1000,
    pagesSent: 1000,
    pagesSkipped: 0,
    pagesSentBefore: 2000,
    rateAtMaximum: false,
    rateExceeded: false,
    ...given,
  };
}

export const answer = (decision: { action: string; reason?: string }): string =>
  decision.reason === undefined ? decision.action : `${decision.action}: ${decision.reason}`;
