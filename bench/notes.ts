/**
 * What is known about targets that a run may miss: why, and what was tried. A note is printed below
 * the table when its case misses.
 */
import type { BenchCase } from "./harness.js";

interface Note {
  readonly group: string;
  readonly than: string;
  readonly text: string;
}

const NOTES: readonly Note[] = [
  {
    group: "splay tree",
    than: "C",
    text:
      "A splay walks a path of dependent loads, so both sides wait for memory and the instructions " +
      "between hardly count; what else runs on the machine decides the ratio by sharing its cache. " +
      "Both use the same layout, eight bytes a node. Look at the quartiles.",
  },
  {
    group: "LRU list",
    than: "C",
    text:
      "Every miss of the cache costs the same on both sides; the kernel reads both links of a node " +
      "in one load and keeps the head in a local. Look at the quartiles.",
  },
  {
    group: "page-exact simulation",
    than: "C",
    text:
      "Of the simulation's own time about 60 % are the draws and marks, which take 1.7 times " +
      "as long as in C (they are made in passes over small buffers); the rest is the clock " +
      "interrupt, the choice of the hottest pages at every tick, and the copies and checks of " +
      "what is sent. Tried: tau chosen at doubling tick counts instead of at every tick (1.5 " +
      "times faster on a slow link), one pass fewer over accesses that are all writes, one " +
      "pass fewer over the ages, ages without the integer division and compiled code kept " +
      "between simulations (neither made a difference that could be measured). The C loop " +
      "depends most on what else uses the cache: its time for the same draws went from 150 " +
      "to 800 ms between runs, and the ratio from 1.5 to 4.5.",
  },
];

export function noteFor({ group }: BenchCase, than: string): string {
  const note = NOTES.find((n) => n.group === group && n.than === than);
  return note?.text ?? "Not yet explained.";
}
