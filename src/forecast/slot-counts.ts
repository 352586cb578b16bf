/**
 * QEMU's loop by counts: slices of sending, the log read when less is unsent than the threshold,
 * the pause when that still holds with the log read. Decisions are the preset's own (`nextStep`,
 * `closeWindow`); which pages are unsent is not known, only how many: of the pages written since
 * the last reading a share of unsent / written is unsent anyway.
 */
import { assert } from "../base/assert.js";
import { NS_PER_SEC, PAGE_SIZE_BYTES } from "../base/units.js";
import type { SlotLoop } from "../policy/slot-loop.js";
import type { ObservedGuest } from "./observed-guest.js";

export interface SlotCountsOptions {
  readonly slots: SlotLoop;
  readonly bandwidthBytesPerSec: number;
  readonly downtimeLimitNs: number;
  /** Given up then. */
  readonly untilSec: number;
}

export interface SlotCounts {
  readonly ended: boolean;
  readonly liveSec: number;
  /** Passes before the pause. */
  readonly passes: number;
  readonly liveBytes: number;
  readonly pausePages: number;
  /** Between readings of the log; 0 and infinite where there was none. */
  readonly shortestWindowSec: number;
  readonly longestWindowSec: number;
}

export function runSlotCounts(guest: ObservedGuest, options: SlotCountsOptions): SlotCounts {
  const { slots, bandwidthBytesPerSec, downtimeLimitNs, untilSec } = options;
  const { curve, writtenPages, firstPages } = guest;
  assert(bandwidthBytesPerSec > 0, "the link carries something");
  const quotaSec = slots.slotNs / NS_PER_SEC;
  const perSec = Math.min(bandwidthBytesPerSec, slots.quotaBytes / quotaSec);
  const { thresholdBytes } = slots.closeWindow({
    bytes: perSec * quotaSec,
    elapsedNs: slots.slotNs,
    downtimeLimitNs,
  });
  const sliceSec = slots.sliceNs / NS_PER_SEC;
  let [nowSec, readSec, unsent, sentBytes, passes] = [0, 0, firstPages, 0, 1];
  let [shortest, longest] = [Number.POSITIVE_INFINITY, 0];
  let synced = false;
  for (;;) {
    const remainingBytes = unsent * PAGE_SIZE_BYTES;
    // Nothing fits before the first window has closed.
    const known = nowSec >= quotaSec ? thresholdBytes : 0;
    const step = slots.nextStep({ remainingBytes, thresholdBytes: known, synced });
    const windowSec = nowSec - readSec;
    if (step === "stop" || nowSec >= untilSec) {
      const ended = step === "stop";
      const pausePages = unsent + (synced ? 0 : curve(windowSec));
      return {
        ended,
        liveSec: nowSec,
        passes,
        liveBytes: sentBytes,
        pausePages,
        shortestWindowSec: shortest,
        longestWindowSec: longest,
      };
    }
    if (step === "sync") {
      const pool =
        passes === 1 ? Math.max(firstPages, writtenPages) : Math.max(writtenPages, unsent);
      unsent += curve(windowSec) * (1 - unsent / pool);
      shortest = Math.min(shortest, windowSec);
      longest = Math.max(longest, windowSec);
      readSec = nowSec;
      passes++;
      synced = true;
      continue;
    }
    const bytesPerPage = passes === 1 ? guest.bytesPerPage : guest.resentBytesPerPage;
    const pages = Math.min(unsent, (perSec * sliceSec) / bytesPerPage);
    // A slice that sends nothing still takes its time: the loop looks again later.
    nowSec += pages > 0 ? (pages * bytesPerPage) / perSec : sliceSec;
    unsent -= pages;
    sentBytes += pages * bytesPerPage;
    synced = false;
  }
}
