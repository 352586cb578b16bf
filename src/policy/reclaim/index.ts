/** The reclaims that this package brings. */
import type { ReclaimFactory } from "../reclaim.js";
import { balloon } from "./balloon.js";
import { dsb } from "./dsb.js";
import { freePageCache } from "./free-page-cache.js";

export const RECLAIMS: readonly ReclaimFactory[] = [balloon, freePageCache, dsb];
