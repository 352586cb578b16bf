/**
 * An observed migration once more, with other settings: the guest writes as it did (a curve through
 * what its passes showed), the link carries what it did or what is asked for, and the loop is the
 * preset's, by counts: fluid mode for loops of rounds, slot-counts.ts for QEMU's.
 *
 * What a replay cannot know: how the guest writes in windows longer or shorter than those of the
 * log. A curve of distinct pages is concave, so the level line beyond the longest window and the
 * chord below the shortest are both the least it can write: outside the log's windows a replay is
 * what happens at best, and says so. Throttling, compression and post-copy are left out. The replay
 * with the log's own settings stands beside the log, so that its error shows.
 */
import { PrecopyError } from "../base/errors.js";
import { simulateFluid } from "../fluid/index.js";
import { unlimitedBandwidth } from "../policy/bandwidth.js";
import type { Preset } from "../policy/preset.js";
import { PRESETS } from "../policy/presets/index.js";
import type { Explanation } from "./explain.js";
import { type ObservedGuest, observedGuest } from "./observed-guest.js";
import { runSlotCounts } from "./slot-counts.js";

export interface ReplaySettings {
  readonly preset?: string;
  readonly downtimeLimitNs?: number;
  readonly bandwidthBytesPerSec?: number;
}

export interface Replayed {
  readonly preset: string;
  readonly downtimeLimitNs: number;
  readonly bandwidthBytesPerSec: number;
  readonly ends: boolean;
  /** The rule that ends it. */
  readonly rule: string;
  /** From the first page to the guest's first instruction at the target. */
  readonly totalNs: number;
  readonly downtimeNs: number;
  readonly sentBytes: number;
  readonly passes: number;
  readonly pausePages: number;
  /** Its windows left those of the log, so the guest may write more: this is the best case. */
  readonly atBest: boolean;
}

export interface Replay {
  /** With the log's settings: beside the log it shows how good a replay is. */
  readonly own: Replayed;
  readonly changed: Replayed;
}

/** A migration that has not ended by then does not end. */
const UNTIL_SEC = 3600;

/** @throws PrecopyError if the log shows no pass whose dirtied pages are known, or a setting is out of range. */
export function replay(explanation: Explanation, settings: ReplaySettings): Replay {
  const guest = observedGuest(explanation);
  const measured = explanation.bandwidthBytesPerSec;
  if (guest === undefined || measured === undefined) {
    throw new PrecopyError(
      "unsupported",
      "the log shows no pass from the first on whose length and dirtied pages are known, so there " +
        "is nothing to replay: log the passes",
      { file: explanation.observed.file },
    );
  }
  const { downtimeLimitNs = explanation.downtimeLimitNs, bandwidthBytesPerSec = measured } =
    settings;
  check("bandwidth", bandwidthBytesPerSec, 1, 1e15);
  check("downtime limit", downtimeLimitNs, 0, 3.6e12);
  const run = (preset: Preset, limitNs: number, bytesPerSec: number) =>
    once(guest, { preset, downtimeLimitNs: limitNs, bandwidthBytesPerSec: bytesPerSec });
  // What the link carried was measured: no rate limit of the preset's comes on top.
  const own = { ...presetOf(explanation.observed.preset), createBandwidth: unlimitedBandwidth };
  const changed = settings.preset === undefined ? own : presetOf(settings.preset);
  return {
    own: run(own, explanation.downtimeLimitNs, measured),
    changed: run(changed, downtimeLimitNs, bandwidthBytesPerSec),
  };
}

interface Run {
  readonly preset: Preset;
  readonly downtimeLimitNs: number;
  readonly bandwidthBytesPerSec: number;
}

function once(guest: ObservedGuest, run: Run): Replayed {
  return run.preset.loop === "slots" ? slots(guest, run) : rounds(guest, run);
}

function slots(guest: ObservedGuest, run: Run): Replayed {
  const { preset, downtimeLimitNs, bandwidthBytesPerSec } = run;
  const loop = preset.slots;
  if (loop === undefined) throw new PrecopyError("unsupported", `${preset.name} has no slots`);
  // The link's rate is what was measured: the preset's own limit would hold only if it is lower.
  const counts = runSlotCounts(guest, {
    slots: { ...loop, quotaBytes: Number.POSITIVE_INFINITY },
    ...{ bandwidthBytesPerSec, downtimeLimitNs, untilSec: UNTIL_SEC },
  });
  const pauseBytes = counts.pausePages * guest.resentBytesPerPage;
  const pausePerSec = guest.pauseBytesPerSec ?? bandwidthBytesPerSec;
  const downtimeNs = Math.round((pauseBytes * 1e9) / pausePerSec) + guest.fixedDowntimeNs;
  const sent = counts.liveBytes + (counts.ended ? pauseBytes : 0);
  return {
    ...{ preset: preset.name, downtimeLimitNs, bandwidthBytesPerSec },
    ends: counts.ended,
    rule: counts.ended ? "threshold" : "",
    totalNs: Math.round(counts.liveSec * 1e9) + (counts.ended ? downtimeNs : 0),
    downtimeNs: counts.ended ? downtimeNs : 0,
    sentBytes: Math.round(sent),
    passes: counts.passes,
    pausePages: Math.round(counts.pausePages),
    atBest: isOutside(guest, counts.shortestWindowSec, counts.longestWindowSec),
  };
}

/** Windows of a replay differ a little from the log's. */
const SLACK = 1.1;

function isOutside(guest: ObservedGuest, shortestSec: number, longestSec: number): boolean {
  return (
    shortestSec < guest.shortestWindowSec / SLACK || longestSec > guest.longestWindowSec * SLACK
  );
}

const NO_COSTS = {
  ...{ initialiseNs: 0, reserveNs: 0, logDirtyNsPerPage: 0, writeFaultNs: 0, pmlExitNs: 0 },
  ...{ suspendNs: 0, commitNs: 0, unpauseNs: 0, attachDevicesNs: 0, announceNs: 0 },
};

function rounds(guest: ObservedGuest, run: Run): Replayed {
  const { preset, downtimeLimitNs, bandwidthBytesPerSec } = run;
  const { curve, firstPages, suspendDirtiesPages, fixedDowntimeNs } = guest;
  const link = {
    name: "link",
    latencyNs: 0,
    // Measured bandwidths are payload: the model's frames would take theirs from it once more.
    frame: { payloadBytes: 1448, overheadBytes: 0 },
    bandwidthBytesPerSec,
  };
  const [result] = simulateFluid(
    {
      links: [link],
      migrations: [
        {
          ...{ path: ["link"], pages: firstPages, curve, preset, downtimeLimitNs },
          suspendDirtiesPages: Math.min(suspendDirtiesPages, firstPages),
          costs: { ...NO_COSTS, restoreNs: fixedDowntimeNs },
        },
      ],
    },
    { untilSec: UNTIL_SEC, stepsMax: 1_000_000 },
  );
  if (result === undefined) throw new PrecopyError("unsupported", "fluid mode gave no result");
  const ends = result.outcome === "target-runs";
  // The last round's window ends in the pause.
  const windows = result.rounds.slice(0, -1).map(({ durationNs }) => durationNs / 1e9);
  return {
    ...{ preset: preset.name, downtimeLimitNs, bandwidthBytesPerSec },
    ends,
    rule: ends ? result.stopReason : "",
    totalNs: result.totalNs,
    downtimeNs: ends ? result.downtimeNs : 0,
    sentBytes: result.bytesSent,
    passes: result.roundCount,
    pausePages: result.stopPages,
    atBest: isOutside(guest, Math.min(...windows), Math.max(...windows)),
  };
}

function presetOf(name: string): Preset {
  const found = PRESETS.find((preset) => preset.name === name);
  if (found !== undefined) return found;
  const names = PRESETS.map((preset) => preset.name).join(", ");
  throw new PrecopyError("unknown-name", `there is no preset "${name}": choose from ${names}`);
}

function check(what: string, value: number, from: number, to: number): void {
  if (value >= from && value <= to) return;
  throw new PrecopyError("bad-input", `the ${what} of a replay is ${value}: give ${from} to ${to}`);
}
