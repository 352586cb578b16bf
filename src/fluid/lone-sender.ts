/**
 * A sender that has its path for itself: no sharing, so no heaps. Does the additions and divisions
 * of FairLink with one sender, in their order, and comes to the same bits.
 */
import {
  type FluidBounds,
  type FluidCounts,
  type FluidSender,
  stepsReason,
  untilReason,
} from "./sender.js";

/** Runs the sender to its end, or cuts it off at a bound. */
export function runAlone(
  sender: FluidSender,
  capacityBytesPerSec: number,
  bounds: FluidBounds,
  counts: FluidCounts,
): void {
  let nowSec = 0;
  let atSec = sender.startSec;
  for (;;) {
    if (atSec > bounds.untilSec) return sender.cutOff(bounds.untilSec, untilReason(bounds));
    if (counts.steps >= bounds.stepsMax) return sender.cutOff(nowSec, stepsReason(bounds));
    nowSec = atSec;
    counts.steps++;
    if (!sender.next(nowSec)) return;
    atSec = nowSec + sender.delaySec;
    if (sender.bytes > 0)
      atSec += sender.bytes / Math.min(sender.limitBytesPerSec, capacityBytesPerSec);
  }
}
