/**
 * QEMU 10.2's loop, where it differs from 7.2's (qemu72.ts): what is left is first estimated from
 * the bitmap and read exactly only below the threshold, the guest pauses at the threshold itself
 * as well as below it, and the threshold may go by an `avail-switchover-bandwidth` that the
 * administrator states in place of the last window's. Source: `migration_iteration_run` and
 * `migration_update_counters` of migration/migration.c.
 */
import type { ParamSpecs, ParamValues } from "../../base/params.js";
import type { Preset } from "../preset.js";
import type { SlotState, SlotStep } from "../slot-loop.js";
import { QEMU_MAX_BANDWIDTH, QEMU_PARAMS, qemuEstimate, qemuPreset, qemuSlots } from "./qemu72.js";

export const QEMU102_PARAMS = {
  ...QEMU_PARAMS,
  "switchover-bandwidth": {
    kind: "bandwidth",
    default: 0,
    min: 0,
    max: 1e15,
    help: "what the stop phase can count on; 0bit/s = as measured",
  },
} as const satisfies ParamSpecs;

/** `migration_iteration_run`: estimate, exact below the threshold, complete at or below it. */
export function qemu102NextStep({ remainingBytes, thresholdBytes, synced }: SlotState): SlotStep {
  if (remainingBytes < thresholdBytes && !synced) return "sync";
  return remainingBytes <= thresholdBytes ? "stop" : "send";
}

function configure(params: ParamValues): Preset {
  const maxBandwidthBytesPerSec = params["max-bandwidth"] as number;
  const switchoverBytesPerSec = params["switchover-bandwidth"] as number;
  const slots = qemuSlots(maxBandwidthBytesPerSec, {
    closeWindow: (window) => qemuEstimate(window, switchoverBytesPerSec),
    nextStep: qemu102NextStep,
  });
  const named = {
    name: "qemu102",
    summary: "QEMU 10.2: as 7.2, pending estimated and then exact, switchover bandwidth",
    source: "QEMU 10.2 migration/migration.c, migration/ram.c",
  };
  const preset = qemuPreset(named, { maxBandwidthBytesPerSec, slots });
  return { ...preset, params: QEMU102_PARAMS, configure };
}

export const qemu102: Preset = configure({
  "max-bandwidth": QEMU_MAX_BANDWIDTH,
  "switchover-bandwidth": 0,
});
