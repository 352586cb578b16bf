/** One thing that can be changed, what it gives and what it costs. */
import type { Forecast } from "../forecast.js";
import type { Change, Trials } from "./trials.js";

export type OptionKind =
  | "bandwidth-limit"
  | "downtime-limit"
  | "timeout"
  | "auto-converge"
  | "xbzrle"
  | "compression"
  | "post-copy"
  | "link"
  | "two-changes";

/** What each costs, the cheapest first. */
export const COSTS: Readonly<Record<OptionKind, string>> = {
  "bandwidth-limit": "nothing but the link's capacity, which others may want meanwhile",
  "downtime-limit": "a longer pause of the guest at the end",
  timeout: "time, and the link is busy for as long",
  "auto-converge": "speed of the guest while it is moved",
  xbzrle: "memory of the source for the cache, and CPU",
  compression: "CPU of both hosts",
  "post-copy": "the guest, if link or target is lost after the switch",
  link: "another link",
  "two-changes": "both of what its parts cost",
};

export interface Option {
  readonly kind: OptionKind;
  /** 1 = the cheapest. */
  readonly costRank: number;
  readonly cost: string;
  /** What to change, in words, with the figure. */
  readonly what: string;
  readonly change: Change;
  readonly strategy: string;
  readonly forecast: Forecast;
  readonly meets: boolean;
  /** What else it does to guest and hosts, with figures. */
  readonly notes: readonly string[];
}

/** An option that is none, in a short line. */
export interface Rejected {
  readonly kind: OptionKind;
  readonly whyNot: string;
}

/** What looking for an option came to. */
export type Finding = Option | Rejected;

export const isOption = (finding: Finding): finding is Option => "forecast" in finding;

export function rejected(kind: OptionKind, whyNot: string): Rejected {
  return { kind, whyNot };
}

export interface Proposal {
  readonly what: string;
  readonly change: Change;
  readonly notes?: readonly string[];
}

/** An option as it is judged with all circumstances. */
export function option(
  kind: OptionKind,
  trials: Trials,
  { what, change, notes }: Proposal,
): Option {
  const made = trials.forecast(change);
  const kinds = Object.keys(COSTS);
  return {
    ...{ kind, what, change, notes: notes ?? [] },
    costRank: kinds.indexOf(kind) + 1,
    cost: COSTS[kind],
    strategy: made.strategy,
    forecast: made,
    meets: trials.judge(change).meets,
  };
}
