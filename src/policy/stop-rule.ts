/**
 * When pre-copy ends. The shape is Xen's own `precopy_policy` callback
 * (tools/libs/guest/xg_sr_save.c): it is asked twice a round, once when the set to send is known
 * and once after it was sent, when it is not.
 */

/** What a rule sees. Counts are pages; `dirtyCount` leaves out pages held back on purpose. */
export interface RoundStats {
  /** Rounds completed so far. */
  readonly iteration: number;
  /** Pages sent in completed rounds. */
  readonly totalWritten: number;
  /** Pages that the coming round would send; -1 where nobody has looked since the last one. */
  readonly dirtyCount: number;
  /** `dirtyCount` in bytes of guest memory; -1 where nobody has looked. */
  readonly dirtyBytes: number;
  /** Since the first round began. */
  readonly elapsedNs: number;
  /** What the round just completed reached, payload; 0 before there was one. */
  readonly bandwidthBytesPerSec: number;
  readonly downtimeLimitNs: number;
  /** Downtime that no page causes, as far as it is known beforehand. */
  readonly fixedDowntimeNs: number;
  /** Pages of the guest. */
  readonly memoryPages: number;
  /** Of the round just completed, and of the one before it (0 before there was one). */
  readonly pagesSent: number;
  readonly pagesSkipped: number;
  readonly pagesSentBefore: number;
  /** True when the sender's rate limit stands at its highest, or there is none. */
  readonly rateAtMaximum: boolean;
  /** True when the controller would have to pass its maximum to keep up with the guest. */
  readonly rateExceeded: boolean;
}

export type Decision =
  | { readonly action: "continue" }
  | { readonly action: "stop" | "abort" | "post-copy"; readonly reason: string };

export const CONTINUE: Decision = { action: "continue" };

export interface StopRule {
  /** Asked with a known `dirtyCount` before each round's pages are sent. */
  beforeRound(stats: RoundStats): Decision;
  /** Asked after each round with `dirtyCount` -1. */
  afterRound(stats: RoundStats): Decision;
}

/**
 * Would what is left go within the downtime limit, at the bandwidth of the round before? Fixed
 * costs of the pause are left out, as hypervisors do that go by such an estimate. False where
 * either is unknown.
 */
export function fitsDowntime(stats: RoundStats): boolean {
  const { dirtyBytes, bandwidthBytesPerSec, downtimeLimitNs } = stats;
  if (dirtyBytes < 0 || bandwidthBytesPerSec <= 0) return false;
  return (dirtyBytes * 1e9) / bandwidthBytesPerSec <= downtimeLimitNs;
}
