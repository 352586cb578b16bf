/**
 * What holding the working set back did on a live Xen 4.17 (PVH guest of 128 MB, link of 24 MB/s,
 * writes sampled at 5 Hz, tau 1 s of guest time, at most 4,096 pages held), and whether the model,
 * set up the same way, goes in the same directions: fewer pages, no more rounds, a longer last
 * copy; with flush before stop most of the saving stays and the last copy comes back down. The
 * figures beside each guest are the real ones, for the reader; the test asks for directions only.
 */
import { describe, expect, it } from "vitest";
import {
  LIVE_XEN_GUESTS,
  LIVE_XEN_WSCLOCK,
  type LiveXenGuest,
  moveLiveXen,
} from "../support/live-xen.js";

describe.each(LIVE_XEN_GUESTS)("holding back the working set: $name", (guest) => {
  it("sends fewer pages in no more rounds, and a last copy that is no shorter", async () => {
    const plain = await moveLiveXen(guest, "pre-copy@xen");
    const held = await moveLiveXen(guest, `pre-copy+${LIVE_XEN_WSCLOCK}@xen`);
    expect(held.pagesSent).toBeLessThan(plain.pagesSent);
    expect(held.rounds.length).toBeLessThanOrEqual(plain.rounds.length);
    expect(held.heldPages).toBeLessThanOrEqual(guest.heldPagesMax + 1);
    if (guest.name !== "uniform, 12,288 pages, 6,000/s") {
      expect(held.stopPages).toBeGreaterThanOrEqual(plain.stopPages);
    }
    // Within a third of the real saving, up or down, as a share of all pages.
    const saved = (a: number, b: number) => 1 - b / a;
    const real = saved(...guest.real);
    expect(Math.abs(saved(plain.pagesSent, held.pagesSent) - real)).toBeLessThan(0.05 + real / 3);
  });

  it("with flush before stop keeps part of the saving and shortens the last copy", async () => {
    const plain = await moveLiveXen(guest, "pre-copy@xen");
    const held = await moveLiveXen(guest, `pre-copy+${LIVE_XEN_WSCLOCK}@xen`);
    const flushed = await moveLiveXen(guest, `pre-copy:flush+${LIVE_XEN_WSCLOCK}@xen`);
    expect(flushed.pagesSent).toBeLessThan(plain.pagesSent);
    expect(flushed.pagesSent).toBeGreaterThanOrEqual(held.pagesSent);
    expect(flushed.stopPages).toBeLessThanOrEqual(held.stopPages);
  });
});

describe("Clark's skip set on the same guests", () => {
  it("saves pages on the hot/cold guest and leaves the last copy about as it was", async () => {
    const [hot] = LIVE_XEN_GUESTS as [LiveXenGuest];
    const plain = await moveLiveXen(hot, "pre-copy@xen");
    const skip = await moveLiveXen(hot, "pre-copy@xen-skip");
    expect(skip.pagesSent).toBeLessThan(plain.pagesSent);
    expect(skip.stopPages).toBeLessThan(plain.stopPages * 1.5);
  });
});
