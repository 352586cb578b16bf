/**
 * The guest's side of a ShadowMemory, without a guest: blocks until something arrives, takes it,
 * and posts each page with the generation that it holds. Ends on `stop`.
 */
import { parentPort, workerData } from "node:worker_threads";
import { ShadowMemory } from "../../../src/live/shadow/shadow-memory.js";

const { buffer, pages } = workerData as { buffer: SharedArrayBuffer; pages: number };
const memory = new ShadowMemory(buffer, pages);
const last = new Map<number, number>();
// Of two words that were written at different times: to be mended by a later entry.
const torn = new Set<number>();
let taken = 0;
for (;;) {
  const seen = memory.arrivals;
  for (let pfn = memory.take(); pfn !== undefined; pfn = memory.take()) {
    const words = new Uint32Array(memory.page(pfn).slice().buffer);
    if (words.some((word) => word !== words[0])) torn.add(pfn);
    else torn.delete(pfn);
    last.set(pfn, words[0] as number);
    taken++;
  }
  if (memory.stopped && memory.take() === undefined) break;
  memory.waitPast(seen);
}
parentPort?.postMessage({ last, torn: torn.size, taken });
