/**
 * Taking memory back from a guest before it moves, so that less has to be sent. A reclaim decides
 * how many pages; which they are is the guest's own choice, as of any balloon driver (Waldspurger,
 * "Memory Resource Management in VMware ESX Server", OSDI 2002): free ones first, then those used
 * longest ago. What the guest takes back later it waits for: that is the price, and is reported.
 */
import type { ParamSpecs, ParamValues } from "../base/params.js";

/** What is known of a guest's memory when a reclaim decides. */
export interface MemoryFacts {
  readonly pages: number;
  /** Pages that hold nothing. */
  readonly freePages: number;
  /** Pages of files that are the same on the disk. */
  readonly cachePages: number;
}

/** How the active share is sampled before the decision. */
export interface Sampling {
  readonly periodNs: number;
  readonly periods: number;
  /** Pages drawn at random for each period. */
  readonly pages: number;
}

export interface Reclaim {
  readonly name: string;
  /** Left out: nothing has to be known of which pages are in use. */
  readonly sampling?: Sampling;
  readonly pagesPerSec: number;
  readonly refault: RefaultCosts;
  /** Of a period's random pages so many were used in it. */
  sampled(used: number, of: number): void;
  /** How many pages the guest is to give up; at most all of them. */
  pagesToReclaim(facts: MemoryFacts): number;
  /** State for the report: plain names and figures. */
  describe(): Record<string, number | string>;
}

/** What it costs the guest to use a page again that it gave up. */
export interface RefaultCosts {
  /** A page whose content comes back from the guest's disk. */
  readonly diskNs: number;
  /** A page that held nothing: the balloon shrinks by one. */
  readonly emptyNs: number;
  /** How long after the move refaults are counted. */
  readonly windowNs: number;
}

export interface ReclaimFactory {
  readonly name: string;
  /** One line for help and reports. */
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  create(params: ParamValues): Reclaim;
}

/** Parameters of every reclaim; all defaults are this project's own round figures. */
export const RECLAIM_PARAMS = {
  rate: {
    kind: "number",
    default: 100_000,
    min: 1,
    max: 1e9,
    help: "pages a second that the guest gives up",
  },
  refault: { kind: "duration", default: 5_000_000, help: "a page back from the guest's disk" },
  "grow-back": { kind: "duration", default: 10_000, help: "a page back that held nothing" },
  "refault-window": {
    kind: "duration",
    default: 10_000_000_000,
    help: "how long after the move refaults are counted",
  },
} as const satisfies ParamSpecs;

/** The common part of a reclaim, from {@link RECLAIM_PARAMS}. */
export function reclaimCosts(params: ParamValues): Pick<Reclaim, "pagesPerSec" | "refault"> {
  return {
    pagesPerSec: params.rate as number,
    refault: {
      diskNs: params.refault as number,
      emptyNs: params["grow-back"] as number,
      windowNs: params["refault-window"] as number,
    },
  };
}
