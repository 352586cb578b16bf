/**
 * Admission: of the migrations that wait, which one may start now, given those that run. Migrations
 * that share a link lengthen each other's rounds, in which their guests write more pages; one at a
 * time leaves other links idle. A rule is asked when a migration ends, when one comes into another
 * phase (for rules that look at phases), and when a start time comes.
 *
 * Memory is no rule's business: what waits for room at its target, or for an earlier move of the
 * same guest, is not among the waiting that a rule is shown.
 */
import type { ParamSpecs, ParamValues } from "../base/params.js";

interface MigrationPlace {
  readonly guest: string;
  /** Hosts. */
  readonly source: string;
  readonly target: string;
  /** The links that it crosses; the two ways of one link have different names here. */
  readonly links: readonly string[];
}

/** A migration that could start: nothing but the rule, and its start time, keeps it. */
export interface WaitingMigration extends MigrationPlace {
  /** Not to be started before; a rule may admit it earlier and so keep a place for it. */
  readonly startNs: number;
  /** Sending the guest's memory once over its links, nobody else on them. */
  readonly expectedNs: number;
}

/**
 * `scheduled`: admitted, its start time has not come. `loading`: in its bulk phase, nothing has been
 * sent twice; `running`: past it.
 */
export type AdmissionPhase = "scheduled" | "loading" | "running";

export interface ActiveMigration extends MigrationPlace {
  readonly phase: AdmissionPhase;
}

export interface AdmissionState {
  readonly nowNs: number;
  /** In the order in which they were listed. */
  readonly waiting: readonly WaitingMigration[];
  readonly active: readonly ActiveMigration[];
}

export interface AdmissionRule {
  /** True if a change of phase can let another migration start. */
  readonly watchesPhases: boolean;
  /**
   * Index in `waiting` of the one to admit now, or undefined. Asked again after each that is
   * admitted. With nothing active and one due, a rule admits one.
   */
  next(state: AdmissionState): number | undefined;
}

export interface AdmissionFactory {
  readonly name: string;
  /** One line for help and reports. */
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  /** Parameter that a value without a key is for, as in at-once:2. */
  readonly positional?: string;
  create(params: ParamValues): AdmissionRule;
}

/** Most migrations that a limit can be about: as many as flows may be open. */
export const ADMISSION_MAX = 65_536;

/** A whole number from 1: how many may do something at a time. */
export function limitParam(help: string, byDefault: number): ParamSpecs[string] {
  return { kind: "integer", default: byDefault, min: 1, max: ADMISSION_MAX, help };
}

/** First of the waiting whose start time has come and that `admits` says yes to. */
export function firstDue(
  { nowNs, waiting }: AdmissionState,
  admits: (migration: WaitingMigration) => boolean = () => true,
): number | undefined {
  const index = waiting.findIndex((one) => one.startNs <= nowNs && admits(one));
  return index < 0 ? undefined : index;
}
