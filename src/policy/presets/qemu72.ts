/**
 * QEMU 7.2's loop: `migration_thread`, `migration_iteration_run`, `migration_update_counters` and
 * `migration_completion` of migration/migration.c; `ram_save_iterate`, `ram_save_pending` and
 * `save_page_header` of migration/ram.c. Not rounds but slots (slot-loop.ts): the log is read anew
 * when less is known to be unsent than the threshold, and the guest pauses when that still holds
 * with the log read. Times are taken in whole milliseconds, as QEMU does.
 */
import type { ParamSpecs, ParamValues } from "../../base/params.js";
import { fixedBandwidth } from "../bandwidth.js";
import type { Preset } from "../preset.js";
import type {
  SlotEstimate,
  SlotLoop,
  SlotState,
  SlotStep,
  SlotStream,
  SlotWindow,
} from "../slot-loop.js";
import { CONTINUE, type Decision, fitsDowntime, type RoundStats } from "../stop-rule.js";

/** BUFFER_DELAY: bandwidth is limited and measured over windows of 100 ms. */
export const QEMU_SLOT_NS = 100_000_000;
/** XFER_LIMIT_RATIO, 1000 / BUFFER_DELAY: a window's share of a second's bytes is one of these. */
export const QEMU_SLOTS_PER_SEC = 10;
/** MAX_WAIT of migration/ram.c: `ram_save_iterate` returns after 50 ms ... */
export const QEMU_SLICE_NS = 50_000_000;
/** ... but looks at the clock only once in 64 pages. */
export const QEMU_SLICE_PAGES = 64;
/** Socket buffers of about 480 KB, measured between two QEMU 7.2 processes: two looks' pages. */
export const QEMU_WINDOW_BATCHES = 2;
/** MAX_THROTTLE of migration/options.c: max-bandwidth, 128 MiB/s. */
export const QEMU_MAX_BANDWIDTH = 134_217_728;

/**
 * Page header: offset and flags in 8 bytes; a page of zeros one more byte. A change of memory
 * block adds the length and name ("pc.ram"). A section is its header (type, id: 5 bytes), the
 * 8 bytes that end RAM's part, and its footer (5 bytes); section sizes are those of
 * migration/savevm.c (recalled, not verified).
 */
export const QEMU_STREAM: SlotStream = {
  pageHeaderBytes: 8,
  zeroPageBytes: 9,
  blockNameBytes: 7,
  sectionBytes: 18,
};

export const QEMU_PARAMS = {
  "max-bandwidth": {
    kind: "bandwidth",
    default: QEMU_MAX_BANDWIDTH,
    min: 1000,
    max: Number.POSITIVE_INFINITY,
    help: "limit of the live phase; the stop phase has none",
  },
} as const satisfies ParamSpecs;

/**
 * `migration_update_counters`: a window's bandwidth in bytes a millisecond, and how much of that
 * the downtime limit holds. `switchoverBytesPerSec`: use this in place of what was measured; 0 =
 * measured.
 */
export function qemuEstimate(
  { bytes, elapsedNs, downtimeLimitNs }: SlotWindow,
  switchoverBytesPerSec = 0,
): SlotEstimate {
  const elapsedMs = Math.max(1, Math.floor(elapsedNs / 1e6));
  const bytesPerMs = bytes / elapsedMs;
  const expectedPerMs = switchoverBytesPerSec > 0 ? switchoverBytesPerSec / 1000 : bytesPerMs;
  return {
    bandwidthBytesPerSec: bytesPerMs * 1000,
    thresholdBytes: Math.floor(expectedPerMs * Math.floor(downtimeLimitNs / 1e6)),
  };
}

/**
 * `ram_save_pending` reads the log when less than the threshold is left; then it goes on unless
 * nothing is left or still less than the threshold.
 */
export function qemu72NextStep({ remainingBytes, thresholdBytes, synced }: SlotState): SlotStep {
  if (remainingBytes < thresholdBytes) return synced ? "stop" : "sync";
  return remainingBytes === 0 ? "stop" : "send";
}

/** What a version of QEMU makes of its parameters. */
export function qemuSlots(
  maxBandwidthBytesPerSec: number,
  version: Pick<SlotLoop, "closeWindow" | "nextStep">,
): SlotLoop {
  return {
    slotNs: QEMU_SLOT_NS,
    quotaBytes: Math.floor(maxBandwidthBytesPerSec / QEMU_SLOTS_PER_SEC),
    sliceNs: QEMU_SLICE_NS,
    slicePages: QEMU_SLICE_PAGES,
    stopBandwidthBytesPerSec: Number.POSITIVE_INFINITY,
    stream: QEMU_STREAM,
    ...version,
  };
}

/** The same end seen from rounds, for strategies that have rounds. */
function beforeRound(stats: RoundStats): Decision {
  if (stats.iteration > 0 && fitsDowntime(stats)) {
    return { action: "stop", reason: "downtime-limit" };
  }
  return CONTINUE;
}

/** What all versions share. */
export function qemuPreset(
  named: Pick<Preset, "name" | "summary" | "source">,
  { maxBandwidthBytesPerSec, slots }: { maxBandwidthBytesPerSec: number; slots: SlotLoop },
): Preset {
  return {
    ...named,
    batchPages: QEMU_SLICE_PAGES,
    windowBatches: QEMU_WINDOW_BATCHES,
    order: "ascending",
    skipsRewritten: false,
    sendsLastSetLive: false,
    stream: { perPageBytes: QEMU_STREAM.pageHeaderBytes, perBatchBytes: 0 },
    defaultCodec: "zero",
    loop: "slots",
    slots,
    createStopRule: () => ({ beforeRound, afterRound: () => CONTINUE }),
    createBandwidth: () => fixedBandwidth(maxBandwidthBytesPerSec),
  };
}

function configure(params: ParamValues): Preset {
  const maxBandwidthBytesPerSec = params["max-bandwidth"] as number;
  const slots = qemuSlots(maxBandwidthBytesPerSec, {
    closeWindow: (window) => qemuEstimate(window),
    nextStep: qemu72NextStep,
  });
  const named = {
    name: "qemu72",
    summary: "QEMU 7.2: slots of 100 ms at most 128 MiB/s, re-sync below the threshold",
    source: "QEMU 7.2 migration/migration.c, migration/ram.c",
  };
  const preset = qemuPreset(named, { maxBandwidthBytesPerSec, slots });
  return { ...preset, params: QEMU_PARAMS, configure };
}

export const qemu72: Preset = configure({ "max-bandwidth": QEMU_MAX_BANDWIDTH });
