/**
 * The unique-dirty curve of a recorded guest: how many distinct pages it wrote in windows of growing
 * length, in the mean over windows that begin at different instants of the recording.
 */
import type { DirtyPoint } from "../fluid/index.js";
import type { Trace } from "../guest/trace.js";

/** Windows of one length are laid so often over the recording at most. */
const STARTS_MAX = 12;
/** Each window is so many times as long as the one before. */
const GROWTH = 2;

/** Windows from one interval to the whole trace, ascending; pages never fall. */
export function traceCurve(trace: Trace): DirtyPoint[] {
  const { intervals } = trace;
  const stamps = new Uint32Array(trace.pages);
  let stamp = 0;
  const points: DirtyPoint[] = [];
  for (let length = 1; ; length = Math.min(intervals, length * GROWTH)) {
    const starts = Math.min(STARTS_MAX, Math.max(1, Math.floor(intervals / length)));
    let pages = 0;
    let lengthNs = 0;
    for (let i = 0; i < starts; i++) {
      const from = starts === 1 ? 0 : Math.floor(((intervals - length) * i) / (starts - 1));
      stamp++;
      for (let at = from; at < from + length; at++) {
        for (const page of trace.written(at)) {
          if (stamps[page] === stamp) continue;
          stamps[page] = stamp;
          pages++;
        }
      }
      const beganNs = from === 0 ? 0 : trace.endNs(from - 1);
      lengthNs += trace.endNs(from + length - 1) - beganNs;
    }
    const windowSec = lengthNs / starts / 1e9;
    const before = points.at(-1);
    if (windowSec > (before?.windowSec ?? 0)) {
      points.push({ windowSec, pages: Math.max(pages / starts, before?.pages ?? 0) });
    }
    if (length >= intervals) return points;
  }
}
