/**
 * The exact working set W(t, tau) of Denning (CACM 11(5), 1968): every page used within the last
 * tau of the guest's time, without sampling error.
 */
import { type PredictorFactory, SAMPLING_PARAMS } from "./predictor.js";
import { Told } from "./told.js";

export const exactWs: PredictorFactory = {
  name: "exact-ws",
  summary: "the exact working set W(t, tau), as only a model can know it",
  source: "Denning, CACM 11(5), 1968",
  params: {
    tau: { kind: "duration", default: 1_000_000_000, help: "pages used within the last tau" },
    tick: SAMPLING_PARAMS.tick,
  },
  evidence: () => "last-use",
  arenaBytes: () => 0,
  create: (_context, params) => new Told("last-use", params.tau as number, params.tick as number),
};
