/**
 * Limits by host, as managers of clusters have them. Defaults are oVirt vdsm's: two out of a host
 * and two into one at a time (`max_outgoing_migrations`, `max_incoming_migrations` in
 * lib/vdsm/common/config.py.in). KubeVirt's are `per-host:in=65536,total=5`: two out of a node
 * (`parallelOutboundMigrationsPerNode`), five in the cluster (`parallelMigrationsPerCluster`), no
 * limit inbound. The figures are verified, the names of the options recalled.
 */
import { ADMISSION_MAX, type AdmissionFactory, firstDue, limitParam } from "../admission.js";

export const perHost: AdmissionFactory = {
  name: "per-host",
  summary: "at most so many out of a host, into a host, and in all",
  source: "oVirt vdsm (2 out, 2 in); KubeVirt (2 out, 5 in all)",
  params: {
    out: limitParam("migrations that leave one host at a time", 2),
    in: limitParam("migrations that come to one host at a time", 2),
    total: limitParam("migrations that run at a time", ADMISSION_MAX),
  },
  create: ({ out, in: into, total }) => ({
    watchesPhases: false,
    next: (state) => {
      const { active } = state;
      if (active.length >= (total as number)) return undefined;
      const leaving = countBy(active, ({ source }) => source);
      const coming = countBy(active, ({ target }) => target);
      return firstDue(
        state,
        ({ source, target }) =>
          (leaving.get(source) ?? 0) < (out as number) &&
          (coming.get(target) ?? 0) < (into as number),
      );
    },
  }),
};

function countBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return counts;
}
