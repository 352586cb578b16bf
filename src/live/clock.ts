/**
 * Wall time of live migrations: integer nanoseconds from an instant of this process, never backwards.
 * The two ends have clocks of their own; a ping that is answered tells how far they are apart, half
 * of its round trip at most wrong (Mills, RFC 5905, section 8, with one exchange instead of a filter).
 */

/** Nanoseconds on this process's monotonic clock. */
export function monotonicNs(): number {
  return Math.round(performance.now() * 1e6);
}

/** What the other end's clock shows, in terms of ours. */
export class PeerClock {
  private offsetNs = 0;
  private roundTripNs = Number.POSITIVE_INFINITY;

  /** Shortest round trip so far; Infinity before the first. */
  get bestRoundTripNs(): number {
    return this.roundTripNs;
  }

  /** A ping left at `sentNs`, was answered by the peer at `peerNs` of its clock, and came back. */
  pong(sentNs: number, peerNs: number, backNs: number): void {
    const roundTripNs = backNs - sentNs;
    if (roundTripNs > this.roundTripNs) return;
    this.roundTripNs = roundTripNs;
    this.offsetNs = peerNs - (sentNs + roundTripNs / 2);
  }

  /** When something was true over there: no earlier than what caused it, no later than we heard. */
  toOurs(peerNs: number, between: { readonly causedNs: number; readonly heardNs: number }): number {
    if (!Number.isFinite(this.roundTripNs)) return between.heardNs;
    const ours = Math.round(peerNs - this.offsetNs);
    return Math.min(Math.max(ours, between.causedNs), between.heardNs);
  }
}
