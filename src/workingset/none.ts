/** No prediction: plain pre-copy. */
import type { PredictorFactory } from "./predictor.js";

export const none: PredictorFactory = {
  name: "none",
  summary: "predicts nothing: plain pre-copy",
  source: "the baseline",
  params: {},
  evidence: () => "none",
  arenaBytes: () => 0,
  create: () => ({
    evidence: "none",
    windowNs: 0,
    tickNs: 0,
    warmupTicks: 0,
    observe: () => {},
    tick: () => {},
    select: (_pagesMax, _virtualNs, out) => {
      out.reset();
      return 0;
    },
    describe: () => ({}),
  }),
};
