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
    group: "bitmap to page numbers",
    than: "C",
    text:
      "Few set bits are a matter of mispredicted branches: C tests 64 pages at a time, the kernel " +
      "larger blocks, each of which is a branch that nothing foretells at some density.",
  },
  {
    group: "page-exact simulation",
    than: "C",
    text:
      "Beyond the draws and marks the simulation reads and clears the log at every tick and round, " +
      "samples and ages every page for WSClock, lists, gathers, scatters and checks every page sent, " +
      "and runs hosts, scheduler and link; its share grows as the guest writes less.",
  },
];

export function noteFor({ group }: BenchCase, than: string): string {
  const note = NOTES.find((n) => n.group === group && n.than === than);
  return note?.text ?? "Not yet explained.";
}
