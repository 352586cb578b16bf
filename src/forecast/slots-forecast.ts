/** One forecast over QEMU's loop of slots, under one set of circumstances. */
import { assert } from "../base/assert.js";
import type { Circumstances } from "./circumstances.js";
import type { ContentFacts } from "./content-facts.js";
import type { GuestChance, PreparedDeltas, PreparedGuest } from "./forecast-guest.js";
import type { ForecastSettings } from "./forecast-settings.js";
import type { LoopCosts } from "./loop-costs.js";
import type { LoopOutcome } from "./loop-outcome.js";
import { MULTIFD_PACKETS, xbzrlePlaces } from "./qemu-stream.js";
import { SlotMachine, type SlotMachineOptions } from "./slot-machine.js";
import type { SlotOutcome } from "./slot-outcome.js";
import { cpuBoundPace, ThrottleModel } from "./throttle-model.js";

export interface LoopInput {
  readonly guest: PreparedGuest;
  readonly settings: ForecastSettings;
  readonly content: ContentFacts;
  readonly costs: LoopCosts;
  readonly linkBytesPerSec: number;
  readonly downtimeLimitMs: number;
  readonly timeoutMs: number;
}

const PAGE_BYTES = 4096;

export function forecastSlots(
  input: LoopInput,
  how: Circumstances,
  chance: GuestChance,
): LoopOutcome {
  const { guest, settings, costs, downtimeLimitMs, timeoutMs } = input;
  const { preset, autoConverge, readLogEveryMs, manager, postCopyAfterSyncs } = settings;
  const loop = preset.slots;
  assert(loop !== undefined, "a preset whose loop is slots has them");
  const memoryBytes = guest.pages * PAGE_BYTES;
  const downtimeLimitNs = downtimeLimitMs * 1e6;
  const wire = wireOf(input);
  const outcome = new SlotMachine({
    memory: guest.memory(chance, deltasOf(input)),
    loop,
    costs: {
      ...costs,
      setupMs: costs.setupMs + how.laterMs,
      untouchedPageUs: costs.untouchedPageUs * how.zeroCost,
      targetZeroPageUs: costs.targetZeroPageUs * how.zeroCost,
    },
    linkBytesPerSec: input.linkBytesPerSec * how.linkShare,
    ...{ downtimeLimitMs, timeoutMs },
    guestSec: guest.guestSec(chance),
    ...(autoConverge && { throttle: new ThrottleModel(autoConverge, cpuBoundPace, false) }),
    ...(readLogEveryMs !== undefined && { readLogEveryMs }),
    ...(manager && {
      manager: manager.factory.create({ memoryBytes, downtimeLimitNs }, manager.params),
    }),
    ...(postCopyAfterSyncs !== undefined && {
      postCopy: { syncs: postCopyAfterSyncs, afterMs: Number.POSITIVE_INFINITY },
    }),
    ...wire,
  }).run();
  return asLoopOutcome(outcome, wire.wireShare ?? 1);
}

function deltasOf({ settings, content }: LoopInput): PreparedDeltas | undefined {
  if (settings.xbzrle === undefined) return;
  const pages = xbzrlePlaces(settings.xbzrle.cacheBytes);
  const { deltaBytes, deltaMissShare: missShare } = content;
  return { pages, deltaBytes, bytesOf: () => deltaBytes, missShare };
}

/** What compression and parallel streams make of a page on the wire, and of the encoder's time. */
function wireOf({ settings, content, costs }: LoopInput): Partial<SlotMachineOptions> {
  const { compression, channels, preset } = settings;
  const packets = channels === undefined ? undefined : MULTIFD_PACKETS;
  if (compression === undefined) return packets ?? {};
  const share = compression.codec === "zstd" ? content.zstdShare : content.deflateShare;
  const pageUs = Math.max(costs.pageUs, compression.pageUs);
  // QEMU 7.2 counts whole pages in multifd whatever goes out; later versions count what does.
  if (packets !== undefined && preset.name === "qemu72") {
    return { ...packets, wireShare: share, pageUs };
  }
  return { pageWireBytes: (packets?.pageWireBytes ?? PAGE_BYTES) * share, pageUs };
}

function asLoopOutcome(one: SlotOutcome, wireShare: number): LoopOutcome {
  const ended = one.end !== "timeout" && one.end !== "cancelled";
  return {
    rule: one.managed === "" ? one.end : one.managed,
    completes: ended,
    converges: ended && one.managed === "",
    totalMs: one.totalMs,
    downtimeMs: one.blackoutMs,
    bytes: one.bytes * wireShare,
    rounds: one.syncs,
    throttlePercent: one.throttlePercent,
    downtimeLimitMs: one.downtimeLimitMs,
    passes: one.passes.map(({ endMs, dirtiedPages, unsentPages }) => ({
      ...{ endMs, dirtiedPages, unsentPages },
    })),
  };
}
