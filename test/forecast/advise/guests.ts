/** Guests whose right answers can be worked out by hand. */
import type { ForecastInput } from "../../../src/forecast/forecast.js";

export const PAGES = 65_536;
export const WIRE = 4104;
/** Unlimited but for the link. */
export const OPEN = "pre-copy@qemu102:max-bandwidth=400Gbit/s";

/** `written` pages that are dirty all the time, whatever the window. */
export function flat(written: number, pages = PAGES): ForecastInput["guest"] {
  return {
    kind: "classes",
    classes: [
      { pages: pages - written, writesPerPageSec: 0 },
      { pages: written, writesPerPageSec: 200 },
    ],
  };
}

/** Page after page through all of its memory, so many a second. */
export function steady(pagesPerSec: number, pages: number): ForecastInput["guest"] {
  return {
    kind: "classes",
    classes: [{ pages, writesPerPageSec: pagesPerSec / pages, sequential: true }],
  };
}

/** 100 MB/s, measured. */
export const LINK = { linkBytesPerSec: 100e6, linkKnown: "measured" } as const;
