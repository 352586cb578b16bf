/**
 * Dynamic self-ballooning (Hines & Gopalan, VEE 2009 and OSR 43(3) 2009): the guest's own driver
 * keeps giving its free pages back, and grows again when an allocation fails, so that free memory
 * never travels. The driver's interval of 5 s (recalled, not verified) has no part here: the
 * balloon is inflated once, before the first round.
 */
import { RECLAIM_PARAMS, type Reclaim, type ReclaimFactory, reclaimCosts } from "../reclaim.js";

export const dsb: ReclaimFactory = {
  name: "dsb",
  summary: "dynamic self-ballooning: the guest's free pages are not sent",
  source: "Hines & Gopalan, VEE 2009",
  params: RECLAIM_PARAMS,
  create: (params): Reclaim => ({
    name: "dsb",
    ...reclaimCosts(params),
    sampled: () => {},
    pagesToReclaim: ({ freePages }) => freePages,
    describe: () => ({}),
  }),
};
