/**
 * Shortest job first, n at a time: least mean time to completion where jobs do not disturb each
 * other (Smith, Naval Research Logistics Quarterly 3, 1956; recalled, not verified).
 *
 * How long a migration takes is not known before: its dirty log is not on. The estimate is its
 * memory once over its links with nobody else on them. What is owed after the first round, which
 * the guest's writing decides, is left out.
 */
import { type AdmissionFactory, limitParam } from "../admission.js";

export const shortestFirst: AdmissionFactory = {
  name: "shortest-first",
  summary: "at most n at a time, least memory / bandwidth first",
  source: "shortest processing time first (Smith 1956)",
  params: { n: limitParam("migrations that run at a time", 1) },
  positional: "n",
  create: ({ n }) => ({
    watchesPhases: false,
    next: ({ nowNs, waiting, active }) => {
      if (active.length >= (n as number)) return undefined;
      let best: number | undefined;
      let leastNs = Number.POSITIVE_INFINITY;
      for (const [i, { startNs, expectedNs }] of waiting.entries()) {
        if (startNs > nowNs || (best !== undefined && expectedNs >= leastNs)) continue;
        best = i;
        leastNs = expectedNs;
      }
      return best;
    },
  }),
};
