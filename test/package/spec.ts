/** One small simulation for all doors: plain data, so that it can travel as JSON. */
import { small } from "../support/specs.js";

/** A guest of 16 MiB that writes while it moves, held back by WSClock. */
export const SPEC = small({ pages: 4096, strategy: "pre-copy+wsclock", seed: 7 });
