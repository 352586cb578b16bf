/**
 * Slow models of the bitmap kernels: sorted arrays of page numbers.
 */

export function sorted(pages: Iterable<number>): number[] {
  return [...new Set(pages)].sort((a, b) => a - b);
}

export function union(a: number[], b: number[]): number[] {
  return sorted([...a, ...b]);
}

export function intersection(a: number[], b: number[]): number[] {
  return a.filter((page) => b.includes(page));
}

export function difference(a: number[], b: number[]): number[] {
  return a.filter((page) => !b.includes(page));
}

/** Pairs first, end of the runs of a sorted array. */
export function runsOf(pages: number[]): number[] {
  const runs: number[] = [];
  for (const page of pages) {
    if (runs.length > 0 && runs[runs.length - 1] === page) runs[runs.length - 1] = page + 1;
    else runs.push(page, page + 1);
  }
  return runs;
}

/**
 * permute() of xc_linux_save.c as the authors of "Live migration of virtual machines" wrote it, with
 * its loop over order_nr; defined from 1,024 pages on.
 */
export function clarkPermute(step: number, pages: number): number {
  let order = 0;
  for (let i = pages - 1; i > 0; i >>= 1) order++;
  let i = step;
  do {
    i = ((i >> (order - 10)) | (i << 10)) & ((1 << order) - 1);
  } while (i >= pages);
  return i;
}
