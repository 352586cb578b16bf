/**
 * The oracle: pages whose next write comes within the horizon, soonest first. Not claimed optimal:
 * which pages are best held also depends on the cap and on when the rounds end.
 */
import type { PredictorFactory } from "./predictor.js";
import { Told } from "./told.js";

export const oracle: PredictorFactory = {
  name: "oracle",
  summary: "pages whose next write comes within the horizon, as only a model can know them",
  source: "Belady, IBM Systems Journal 5(2), 1966, for the idea",
  params: {
    horizon: { kind: "duration", default: 1_000_000_000, help: "how far ahead to look" },
  },
  evidence: () => "future",
  arenaBytes: () => 0,
  create: (_context, params) => new Told("future", params.horizon as number),
};
