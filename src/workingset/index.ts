/** The working-set predictors, one file each under its published name. */
import { aging } from "./aging.js";
import { clock } from "./clock.js";
import { exactWs } from "./exact-ws.js";
import { lruSplay } from "./lru-splay.js";
import { none } from "./none.js";
import { oracle } from "./oracle.js";
import type { PredictorFactory } from "./predictor.js";
import { recency } from "./recency.js";
import { wsclock } from "./wsclock.js";

export const PREDICTORS: readonly PredictorFactory[] = [
  none,
  recency,
  lruSplay,
  aging,
  clock,
  wsclock,
  exactWs,
  oracle,
];

export type {
  Evidence,
  PredictorContext,
  PredictorFactory,
  WorkingSetPredictor,
} from "./predictor.js";
