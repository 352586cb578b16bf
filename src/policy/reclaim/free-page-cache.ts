/**
 * Freeing page-cache pages (Clark et al., NSDI 2005; recalled, not verified): the guest returns its
 * free and clean cache pages through the balloon before the move. What it reads of them again comes
 * from its disk.
 */
import { RECLAIM_PARAMS, type Reclaim, type ReclaimFactory, reclaimCosts } from "../reclaim.js";

export const freePageCache: ReclaimFactory = {
  name: "free-page-cache",
  summary: "free and clean page-cache pages are given back and not sent",
  source: "Clark et al., NSDI 2005 (recalled, not verified)",
  params: RECLAIM_PARAMS,
  create: (params): Reclaim => ({
    name: "free-page-cache",
    ...reclaimCosts(params),
    sampled: () => {},
    pagesToReclaim: ({ pages, freePages, cachePages }) => Math.min(pages, freePages + cachePages),
    describe: () => ({}),
  }),
};
