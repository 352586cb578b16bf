/** What a live migration came to: the engine's report, and what was measured on the machines. */
import type { MigrationReport } from "../migrate/report.js";
import { type MigrationResult, slowdown } from "../model/migration-result.js";
import type { LiveMachine } from "./live-migration.js";

/** How far a machine had come at some instant. */
export interface Standing {
  readonly wallNs: number;
  /** Time that it had: in turns of guest code, or asleep of its own will. */
  readonly hadNs: number;
}

export function standingOf(machine: LiveMachine, wallNs: number): Standing {
  const { guestNs, idleNs } = machine;
  // A machine that does not know shares its thread with nobody.
  const knows = guestNs !== undefined && idleNs !== undefined;
  return { wallNs, hadNs: knows ? guestNs.call(machine) + idleNs.call(machine) : wallNs };
}

/** What the target reported of its side, and what the source measured beside the engine. */
export interface Told {
  /** Comparing the digests of all memory, at both ends; it is part of the downtime. */
  verifyNs: number;
  verified: boolean;
  /** Pages whose content the target compared with the source's check on arrival. */
  checkedPages: number;
  deviceStateBytes: number;
  /** The stop for the trial of the device state before the first round; 0 = none. */
  rehearsalNs: number;
  /** Pages that the guest waited for at the target. */
  faults: number;
}

export interface LiveFigures extends Told {
  /** `downtimeNs` without comparing digests. */
  readonly downtimeWithoutVerifyNs: number;
  /**
   * Of the time until it paused, what the guest had of the thread that it shares with its migration,
   * running or asleep of its own will: 1 = all.
   */
  readonly guestShare: number;
  /** Of that time, what reading and encoding pages took. */
  readonly workShare: number;
  /** Payload of the rounds by the time that they took, of the bandwidth that was given; 0 = none was. */
  readonly linkUse: number;
  /** Payload a second in the rounds. */
  readonly roundsBytesPerSec: number;
}

export interface LiveResult extends MigrationResult {
  readonly live: LiveFigures;
}

export interface LiveFacts {
  /** Before the baseline was measured, when the migration began, when the guest left or stayed. */
  readonly baseline: Standing;
  readonly begun: Standing;
  readonly stood: Standing;
  /** Time that reading and encoding took on the guest's thread. */
  readonly workNs: number;
  /** Everything that was written to the connection. */
  readonly linkBytes: number;
  readonly harvestedPages: number;
  readonly bandwidthBytesPerSec: number | undefined;
  readonly told: Told;
}

export function liveResult(report: MigrationReport, facts: LiveFacts): LiveResult {
  const { baseline, begun, stood, told, linkBytes } = facts;
  const elapsedNs = stood.wallNs - begun.wallNs;
  const beforeNs = begun.wallNs - baseline.wallNs;
  const shareBefore = beforeNs > 0 ? (begun.hadNs - baseline.hadNs) / beforeNs : 1;
  const guestRanNs = stood.hadNs - begun.hadNs;
  const guestBaselineNs = Math.round(Math.min(1, shareBefore) * elapsedNs);
  const { rounds, pause, residual, storage } = report.bytes;
  // Frames, checks, handshake and pulse are what the pages and the state are not. Of an attempt that
  // was given up, what was read and has not left was no bytes on the link.
  const control = Math.max(0, linkBytes - rounds - pause - residual - storage);
  const roundsNs = report.stagesNs.iterativePreCopy;
  const roundsBytesPerSec = roundsNs > 0 ? Math.round((rounds * 1e9) / roundsNs) : 0;
  const { bandwidthBytesPerSec } = facts;
  return {
    ...report,
    bytes: { ...report.bytes, control, total: linkBytes },
    bytesSent: linkBytes,
    guestSlowdown: slowdown(guestRanNs, guestBaselineNs),
    guestRanNs,
    guestBaselineNs,
    worstStallNs: report.blackoutNs,
    logDirtyFaults: facts.harvestedPages,
    unchangedSends: 0,
    codecState: {},
    endNs: report.startNs + report.totalNs,
    verified: verifiedOf(report, told),
    live: {
      ...told,
      downtimeWithoutVerifyNs: report.downtimeNs - told.verifyNs,
      guestShare: elapsedNs > 0 ? Math.min(1, guestRanNs / elapsedNs) : 1,
      workShare: elapsedNs > 0 ? facts.workNs / elapsedNs : 0,
      roundsBytesPerSec,
      linkUse: bandwidthBytesPerSec === undefined ? 0 : roundsBytesPerSec / bandwidthBytesPerSec,
    },
  };
}

/** What was really compared on the way. */
function verifiedOf(report: MigrationReport, told: Told): Record<string, true> {
  const moved = report.outcome === "target-runs";
  return {
    ...(moved && { eachPageEqualOnArrival: true as const }),
    ...(moved && told.verified && { allMemoryEqualBeforeCommit: true as const }),
    roundsAndStagesAddUp: true,
  };
}
