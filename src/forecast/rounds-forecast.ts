/** One forecast over a loop of rounds (Xen, Cloud Hypervisor, …): fluid mode on the guest's curve. */
import { assert } from "../base/assert.js";
import { simulateFluid } from "../fluid/index.js";
import type { Circumstances } from "./circumstances.js";
import type { GuestChance } from "./forecast-guest.js";
import type { LoopOutcome, LoopPass } from "./loop-outcome.js";
import type { LoopInput } from "./slots-forecast.js";

/** Suspending itself dirties so many pages: 190 (PV) and 260 (PVH) on Xen 4.17. */
const XEN_SUSPEND_PAGES = 190;
/** What is left was little enough; other rules are caps and time-outs. */
const CONVERGED = ["dirty-count", "downtime-limit"];
const STEPS_MAX = 5_000_000;
/** Where the link has no limit, memory has: bytes a second. */
const LOOPBACK = 1e10;

export function forecastRounds(
  input: LoopInput,
  how: Circumstances,
  chance: GuestChance,
): LoopOutcome {
  const { guest, settings, costs, timeoutMs, downtimeLimitMs } = input;
  const { preset } = settings;
  const isXen = preset.name.startsWith("xen");
  const [result] = simulateFluid(
    {
      links: [
        {
          name: "link",
          bandwidthBytesPerSec: Math.min(input.linkBytesPerSec, LOOPBACK) * how.linkShare,
          latencyNs: 0,
          // The rate is what is left of the link for the stream.
          frame: { payloadBytes: 1448, overheadBytes: 0 },
        },
      ],
      migrations: [
        {
          ...{ path: ["link"], pages: guest.pages, curve: guest.curve(chance), preset },
          downtimeLimitNs: Math.round(downtimeLimitMs * 1e6),
          deviceStateBytes: costs.deviceStateBytes,
          suspendDirtiesPages: isXen ? Math.min(XEN_SUSPEND_PAGES, guest.pages) : 0,
          costs: {
            initialiseNs: Math.round((costs.setupMs + how.laterMs) * 1e6),
            suspendNs: Math.round(costs.stopMs * 1e6),
            restoreNs: Math.round(costs.resumeMs * 1e6),
            ...{ commitNs: 0, unpauseNs: 0, attachDevicesNs: 0, announceNs: 0 },
          },
        },
      ],
    },
    { untilSec: timeoutMs / 1000, stepsMax: STEPS_MAX },
  );
  assert(result !== undefined, "one migration, one result");
  const completes = result.outcome === "target-runs";
  let endMs = result.stagesNs.initialisation / 1e6 + result.stagesNs.reservation / 1e6;
  const passes = result.rounds.map(({ durationNs, pagesDirtied }): LoopPass => {
    endMs += durationNs / 1e6;
    return { endMs, dirtiedPages: pagesDirtied, unsentPages: Math.max(0, pagesDirtied) };
  });
  return {
    rule: result.outcome === "cut-off" ? "timeout" : result.stopReason,
    completes,
    converges: completes && CONVERGED.includes(result.stopReason),
    totalMs: result.totalNs / 1e6,
    downtimeMs: completes ? result.downtimeNs / 1e6 : Number.NaN,
    bytes: result.bytesSent,
    rounds: result.roundCount,
    throttlePercent: 0,
    downtimeLimitMs,
    passes,
  };
}
