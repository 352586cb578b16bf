/**
 * Forecasts a recorded QEMU migration from what was known before it started: the guest
 * (qemu-guest.ts), the settings, and the rate of the link.
 */
import { assert } from "../base/assert.js";
import { qemu72 } from "../policy/presets/qemu72.js";
import { type Circumstances, MEASURED_SPREAD, USUAL } from "./circumstances.js";
import { type LoopCosts, QEMU72_COSTS } from "./loop-costs.js";
import type { QemuGuest } from "./qemu-guest.js";
import type { QemuKnown } from "./qemu-run.js";
import { MULTIFD_PACKETS } from "./qemu-stream.js";
import { SlotMachine, type SlotMachineOptions } from "./slot-machine.js";
import type { SlotOutcome } from "./slot-outcome.js";
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
  const { linkShare, laterMs, zeroCost, shortLater } = options.circumstances ?? USUAL;
  const { guestSpeed } = options.circumstances ?? USUAL;
  const { postCopyAfter, caps, settings } = known;
  const slots = qemu72.configure?.({ "max-bandwidth": settings.maxBandwidthBytesPerSec }).slots;
  assert(slots !== undefined, "QEMU's preset has slots");
  const onLink = known.network === "link";
  const lateMs = onLink ? 0 : (slots.quotaBytes / bytesPerSec) * 1000 - WINDOW_MS;
  const costs: LoopCosts = {
    ...QEMU72_COSTS,
    setupMs: QEMU72_COSTS.setupMs + laterMs,
    wakeUpMs: wakeUpMs(Math.max(QEMU72_COSTS.wakeUpMs, lateMs), laterMs, linkShare),
    untouchedPageUs: QEMU72_COSTS.untouchedPageUs * zeroCost,
    targetZeroPageUs: QEMU72_COSTS.targetZeroPageUs * zeroCost,
  };
  const pace = (share: number, sleepMs: number) => guest.pace(share, sleepMs);
  const machine: SlotMachineOptions = {
    memory: guest.memory(),
    loop: slots,
    costs,
    linkBytesPerSec: onLink ? bytesPerSec * linkShare : Number.POSITIVE_INFINITY,
    laterBytesPerSec: onLink
      ? later(bytesPerSec, known, shortLater) * linkShare
      : Number.POSITIVE_INFINITY,
    downtimeLimitMs: settings.downtimeLimitMs,
    timeoutMs: known.timeoutMs,
    guestSec: guest.guestSec,
    guestSpeed: guest.speed * speedOf(guest, guestSpeed),
    sharesCpu: guest.bound,
    ...(guest.slowed && { slowed: guest.slowed }),
    ...(caps.has("auto-converge") && { throttle: new ThrottleModel(settings.throttle, pace) }),
    ...(caps.has("postcopy-ram") &&
      postCopyAfter && { postCopy: { syncs: postCopyAfter.pass, afterMs: postCopyAfter.ms } }),
    postCopyBytesPerSec: settings.maxPostCopyBytesPerSec,
    returnPath: caps.has("return-path"),
    ...compression(known, options.nominal === true),
  };
  return new SlotMachine(machine).run();
}

/** A closed loop forgives more on a loaded machine and nothing on a quiet one: 0.90 to 1.06. */
const CLOSED_LOOP = { least: 0.776, ofSpeed: 0.178 };

function speedOf({ bound, closedLoop, slowest = 1 }: QemuGuest, guestSpeed: number): number {
  // Slow circumstances reach down to the slowest that was seen.
  if (bound) return guestSpeed < 1 ? 1 - (1 - guestSpeed) * slowness(slowest) : guestSpeed;
  if (closedLoop !== true || guestSpeed === 1) return 1;
  return CLOSED_LOOP.least + CLOSED_LOOP.ofSpeed * guestSpeed;
}

/** How much farther below the usual speed the slowest lies than the slow circumstances do. */
function slowness(slowest: number): number {
  return Math.max(1, (1 - slowest) / (1 - MEASURED_SPREAD.speed[0]));
}

/**
 * What a link falls short by in the first pass, in which the target's memory is touched for the
 * first time and whoever loads the machine does so, it falls short by about half later.
 */
const SHORT_LATER = 0.5;

function later(bytesPerSec: number, known: QemuKnown, shortLater = SHORT_LATER): number {
  const { bytesPerSec: nominal, caps, settings } = known;
  // There the CPU sets the pace, and stays.
  const packs = caps.has("multifd") && settings.multifdCompression !== "none";
  if (packs || caps.has("compress")) return bytesPerSec;
  return bytesPerSec + Math.max(0, nominal - bytesPerSec) * (1 - shortLater);
}

const WINDOW_MS = 100;

/**
 * Somewhat earlier or later than usual, but never before the window ends; a machine whose load would
 * make a link fall short notices it late.
 */
function wakeUpMs(usualMs: number, laterMs: number, linkShare: number): number {
  if (laterMs === 0) return usualMs;
  const loadedMs = (1 / linkShare - 1) * (WINDOW_MS / 2);
  return Math.max(0, usualMs + (laterMs - LATER_USUAL_MS) / 8 + loadedMs);
}
/** Half of the circumstances begin earlier than this. */
const LATER_USUAL_MS = 2.5;

/** Pages of repetitive text (fill "text"), on the wire against what is counted. */
const TEXT_ZSTD_SHARE = 0.27;
/** The same by deflate at level 1, header included, and what a thread takes for a page. */
const TEXT_DEFLATE_BYTES = 1208;
const DEFLATE_US = 68;
/** The target inflates it on the same machine. */
const INFLATE_US = 25;
/** Deflating a page in a channel's thread, and inflating it on the same machine. */
const ZLIB_US = 90;
/** Of the machine. */
const CPUS = 2;

/** A compressed stream: multifd counts whole pages whatever goes out (multifd.c, 7.2). */
function compression(
  { caps, settings, dirtier }: QemuKnown,
  nominal: boolean,
): Partial<SlotMachineOptions> {
  const text = dirtier?.fill === "text";
  if (caps.has("compress")) {
    const ownUs = DEFLATE_US / Math.min(CPUS, settings.compressThreads);
    const pageUs = Math.max(ownUs, (DEFLATE_US + INFLATE_US) / CPUS);
    return text ? { pageWireBytes: TEXT_DEFLATE_BYTES, pageUs } : { pageUs };
  }
  if (!caps.has("multifd")) return {};
  const packed = settings.multifdCompression !== "none";
  const wireShare = nominal && packed && text ? TEXT_ZSTD_SHARE : 1;
  // A rate that was measured counts what threads take for their pages already.
  if (!nominal || settings.multifdCompression !== "zlib") return { ...MULTIFD_PACKETS, wireShare };
  const pageUs = ZLIB_US / Math.min(CPUS, settings.multifdChannels);
  return { ...MULTIFD_PACKETS, wireShare, pageUs };
}
