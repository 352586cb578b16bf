/**
 * The oracle: pages that will be written within the horizon, those first that will be written in
 * the most parts of it. Not claimed optimal: which pages are best held also depends on when each
 * would have been sent, on the cap, and on when the rounds end.
 */
import { type PredictorFactory, SAMPLING_PARAMS } from "./predictor.js";
import { Told } from "./told.js";

export const oracle: PredictorFactory = {
  name: "oracle",
  summary: "pages whose next write comes within the horizon, as only a model can know them",
  source: "Belady, IBM Systems Journal 5(2), 1966, for the idea",
  params: {
    horizon: {
      kind: "duration",
      default: "auto",
      auto: true,
      help: "how far ahead to look; auto: as long as the coming round",
    },
    tick: SAMPLING_PARAMS.tick,
  },
  evidence: () => "future",
  arenaBytes: () => 0,
  create: (_context, params) =>
    new Told(
      "future",
      params.horizon === "auto" ? 0 : (params.horizon as number),
      params.tick as number,
    ),
};
