/**
 * Forecasts a recorded QEMU migration from what was known before it started: the guest
 * (qemu-guest.ts), the settings, and the rate of the link.
 */
import { assert } from "../base/assert.js";
import { qemu72 } from "../policy/presets/qemu72.js";
import { type Circumstances, USUAL } from "./circumstances.js";
import { type LoopCosts, QEMU72_COSTS } from "./loop-costs.js";
import type { QemuGuest } from "./qemu-guest.js";
import type { QemuKnown } from "./qemu-run.js";
import { SlotMachine, type SlotMachineOptions, type SlotOutcome } from "./slot-machine.js";
import { ThrottleModel } from "./throttle-model.js";

export interface ForecastOptions {
  readonly circumstances?: Circumstances;
  /** The rate is the link's, in bytes that cross it, and not what QEMU counted. */
  readonly nominal?: boolean;
}

/** What a link of this many bytes a second makes of it. */
export function forecastQemu(
  known: QemuKnown,
  guest: QemuGuest,
  bytesPerSec: number,
  options: ForecastOptions = {},
): SlotOutcome {
  const { linkShare, guestSpeed, laterMs, zeroCost } = options.circumstances ?? USUAL;
  const { postCopyAfter, caps, settings } = known;
  const slots = qemu72.configure?.({ "max-bandwidth": settings.maxBandwidthBytesPerSec }).slots;
  assert(slots !== undefined, "QEMU's preset has slots");
  const onLink = known.network === "link";
  const lateMs = onLink ? 0 : (slots.quotaBytes / bytesPerSec) * 1000 - WINDOW_MS;
  const costs: LoopCosts = {
    ...QEMU72_COSTS,
    setupMs: QEMU72_COSTS.setupMs + laterMs,
    wakeUpMs: wakeUpMs(Math.max(QEMU72_COSTS.wakeUpMs, lateMs), laterMs),
    untouchedPageUs: QEMU72_COSTS.untouchedPageUs * zeroCost,
    targetZeroPageUs: QEMU72_COSTS.targetZeroPageUs * zeroCost,
  };
  const pace = (share: number, sleepMs: number) => guest.pace(share, sleepMs);
  const machine: SlotMachineOptions = {
    memory: guest.memory(),
    loop: slots,
    costs,
    linkBytesPerSec: onLink ? bytesPerSec * linkShare : Number.POSITIVE_INFINITY,
    laterBytesPerSec: onLink ? later(bytesPerSec, known) * linkShare : Number.POSITIVE_INFINITY,
    downtimeLimitMs: settings.downtimeLimitMs,
    timeoutMs: known.timeoutMs,
    guestSec: guest.guestSec,
    guestSpeed: guest.speed * (guest.bound ? guestSpeed : 1),
    sharesCpu: guest.bound,
    ...(guest.slowed && { slowed: guest.slowed }),
    ...(caps.has("auto-converge") && { throttle: new ThrottleModel(settings.throttle, pace) }),
    ...(caps.has("postcopy-ram") &&
      postCopyAfter && { postCopy: { syncs: postCopyAfter.pass, afterMs: postCopyAfter.ms } }),
    ...compression(known, options.nominal === true),
  };
  return new SlotMachine(machine).run();
}

/**
 * What a link falls short by in the first pass, in which the target's memory is touched for the
 * first time and whoever loads the machine does so, it falls short by about half later.
 */
const SHORT_LATER = 0.5;

function later(bytesPerSec: number, { bytesPerSec: nominal }: QemuKnown): number {
  return bytesPerSec + Math.max(0, nominal - bytesPerSec) * SHORT_LATER;
}

const WINDOW_MS = 100;

/** Somewhat earlier or later than usual, but never before the window ends. */
function wakeUpMs(usualMs: number, laterMs: number): number {
  return laterMs === 0 ? usualMs : Math.max(0, usualMs + (laterMs - LATER_USUAL_MS) / 8);
}
/** Half of the circumstances begin earlier than this. */
const LATER_USUAL_MS = 2.5;

/** Pages of repetitive text (fill "text"), on the wire against what is counted. */
const TEXT_ZSTD_SHARE = 0.27;
/** The same by deflate at level 1, header included, and what a thread takes for a page. */
const TEXT_DEFLATE_BYTES = 1208;
const DEFLATE_US = 68;
/** A packet of 128 pages: 8 bytes a page, and some 330 bytes of header (multifd.c), seldom full. */
const MULTIFD_PAGE_BYTES = 4121;

/** A compressed stream: multifd counts whole pages whatever goes out (multifd.c, 7.2). */
function compression(
  { caps, settings, dirtier }: QemuKnown,
  nominal: boolean,
): Partial<SlotMachineOptions> {
  const text = dirtier?.fill === "text";
  if (caps.has("compress")) {
    const pageUs = DEFLATE_US / settings.compressThreads;
    return text ? { pageWireBytes: TEXT_DEFLATE_BYTES, pageUs } : { pageUs };
  }
  if (!caps.has("multifd")) return {};
  const packed = settings.multifdCompression !== "none";
  const wireShare = nominal && packed && text ? TEXT_ZSTD_SHARE : 1;
  return { pageWireBytes: MULTIFD_PAGE_BYTES, wireShare };
}
