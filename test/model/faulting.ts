/**
 * The twin of the faulting kernels: a guest of sets and counters to which accesses are applied one
 * at a time, until one finds its page absent.
 */
import type { Access } from "./workload.js";

export class FaultingGuestModel {
  readonly absent = new Set<number>();
  readonly touched = new Set<number>();
  readonly dirty = new Set<number>();
  readonly referenced = new Set<number>();
  readonly versions: number[];

  constructor(pages: number) {
    this.versions = Array(pages).fill(0);
  }

  /** True when the access took effect, false when it has to wait for its page. */
  touch({ page, write }: Access): boolean {
    if (this.absent.has(page)) return false;
    this.touched.add(page);
    this.referenced.add(page);
    if (!write) return true;
    this.dirty.add(page);
    this.versions[page]!++;
    return true;
  }
}
