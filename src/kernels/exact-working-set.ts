/**
 * Denning's working set W(t, tau) (CACM 11(5), 1968), exactly, from each page's time of last use:
 * what the sampling algorithms estimate. Kernel: assembly/guest.ts.
 */
import { assert } from "../base/assert.js";
import type { GuestPages } from "./guest-pages.js";
import type { PageBitmap } from "./page-bitmap.js";

const TAU_MAX = 2 ** 30 - 1;

/**
 * out := the pages used at most `tauTicks` before `nowTicks`; returns how many. Ticks are u32 and
 * may wrap, if this is called at least once in 2^31 of them.
 */
export function exactWorkingSet(
  guest: GuestPages,
  nowTicks: number,
  tauTicks: number,
  out: PageBitmap,
): number {
  assert(guest.lastUsePtr !== 0, "the guest keeps the time of last use");
  assert(out.pages === guest.pages, `the result has the guest's ${guest.pages} pages`);
  assert(tauTicks >= 0 && tauTicks <= TAU_MAX, `tau ${tauTicks} is from 0 to ${TAU_MAX} ticks`);
  return guest.kernels.raw.guestWorkingSet(guest.ptr, nowTicks, tauTicks, out.ptr) >>> 0;
}
