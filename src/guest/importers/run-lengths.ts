/**
 * Page sets as run lengths: LEB128 numbers that count clean pages, set pages, clean pages, … from
 * page 0 and add up to the memory. This is the payload of WSDT1 and WSDT2 intervals.
 */
import type { PageList } from "../trace-pages.js";
import { badBytes } from "./importer.js";

/** Where a payload stands and what its record's head says about it. */
export interface RunPayload {
  readonly file: string;
  /** Offset in the file of the payload's first byte. */
  readonly offsetBytes: number;
  /** `written` or `read`, for errors. */
  readonly what: string;
  /** Pages of the memory: what the runs must add up to. */
  readonly pages: number;
  /** Set pages that the head counts. */
  readonly setPages: number;
}

/** Longest payload of a memory of `pages`: a byte a page, and twice that for padded numbers. */
export function maxPayloadBytes(pages: number): number {
  return 2 * pages + 16;
}

/** Appends the set pages of a payload to `out`, ascending. Refuses runs that do not add up. */
export function decodeRuns(bytes: Uint8Array, payload: RunPayload, out: PageList): void {
  const { file, offsetBytes, what, pages, setPages } = payload;
  let page = 0;
  let set = 0;
  let isSet = false;
  let at = 0;
  while (at < bytes.length) {
    const runAt = at;
    let run = 0;
    let scale = 1;
    for (;;) {
      if (at === bytes.length) badBytes(file, offsetBytes + runAt, `${what} run length is cut off`);
      const byte = bytes[at++] as number;
      run += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) break;
      if (at - runAt >= 5)
        badBytes(file, offsetBytes + runAt, `${what} run length is over 5 bytes`);
    }
    if (run > pages - page) {
      const total = `${what} runs reach page ${page + run}`;
      badBytes(file, offsetBytes + runAt, `${total}; the memory has ${pages} pages`);
    }
    if (isSet) {
      out.pushRun(page, run);
      set += run;
    }
    page += run;
    isSet = !isSet;
  }
  if (page !== pages) {
    badBytes(file, offsetBytes, `${what} runs add up to ${page} pages; the memory has ${pages}`);
  }
  if (set !== setPages) {
    badBytes(file, offsetBytes, `${what} runs hold ${set} pages; the interval says ${setPages}`);
  }
}
