/**
 * At most n migrations at a time, in the order listed. One whose start time has not come keeps its
 * place: what is listed after it does not take it. `serial` is one at a time: the least contention,
 * and links that idle. virsh and xl migrate one guest a command, so this is what a shell loop does.
 */
import { type AdmissionFactory, type AdmissionRule, limitParam } from "../admission.js";

export const atOnce: AdmissionFactory = {
  name: "at-once",
  summary: "at most n at a time, in the order listed",
  source: "common practice; virsh migrate in n shells",
  params: { n: limitParam("migrations that run at a time", 1) },
  positional: "n",
  create: ({ n }) => inOrder(n as number),
};

export const serial: AdmissionFactory = {
  name: "serial",
  summary: "one after the other, in the order listed",
  source: "common practice; xl migrate in a shell loop",
  params: {},
  create: () => inOrder(1),
};

function inOrder(n: number): AdmissionRule {
  return {
    watchesPhases: false,
    next: ({ active, waiting }) => (active.length < n && waiting.length > 0 ? 0 : undefined),
  };
}
