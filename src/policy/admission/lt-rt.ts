/**
 * Carr & Hennessy's load control (WSClock, SOSP 1981, pp. 87-95; the abstract verified, the rule
 * itself recalled): tasks that still load their working set (LT) compete for the paging device,
 * tasks that run in theirs (RT) hardly use it, so the number of loading tasks is limited and that of
 * running ones is not.
 *
 * Read as admission to a link: the link is the device, a migration loads while it is in its bulk
 * phase, in which all of the memory crosses once, and runs from its second round on. On no link do
 * more than n load at a time.
 */
import { type AdmissionFactory, firstDue, limitParam } from "../admission.js";

export const ltRt: AdmissionFactory = {
  name: "lt-rt",
  summary: "at most n in their bulk phase on any link, any number past it",
  source: "Carr & Hennessy, SOSP 1981: LT/RT load control",
  params: { n: limitParam("migrations in their bulk phase on a link at a time", 1) },
  positional: "n",
  create: ({ n }) => ({
    watchesPhases: true,
    next: (state) => {
      const loading = new Map<string, number>();
      for (const { links, phase } of state.active) {
        if (phase === "running") continue;
        for (const link of links) loading.set(link, (loading.get(link) ?? 0) + 1);
      }
      return firstDue(state, ({ links }) =>
        links.every((link) => (loading.get(link) ?? 0) < (n as number)),
      );
    },
  }),
};
