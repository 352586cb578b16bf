/** Suspending runs code in the guest, which writes pages of its kernel. */
import { Random } from "../base/random.js";
import type { DomainSpec } from "./spec.js";

/** The pages that suspending dirties: drawn once for a guest, the same at every suspend. */
export function suspendPages({ suspendDirtiesPages, pages }: DomainSpec, seed: number): number[] {
  const random = new Random(seed).fork(0x5059);
  const drawn = new Set<number>();
  const wanted = Math.min(suspendDirtiesPages, pages);
  while (drawn.size < wanted) drawn.add(random.below(pages));
  return [...drawn].sort((a, b) => a - b);
}
