/**
 * SimGrid 3.32's network under its live-migration plugin, as the preset `simgrid` of fluid mode:
 * guests that migrate over one link each, any number of them a link, shared max-min.
 *
 *   CM02   bandwidth and latency as given                              (Casanova & Marchal, 2002)
 *   LV08   bandwidth x 0.97, latency x 13.01                           (Velho & Legrand, 2009)
 *   both   a flow gets at most gamma / (2 latency as given): TCP's window (`network/TCP-gamma`);
 *          with cross traffic every byte costs 5 % of its rate on the way back, which is the same
 *          link here (`network/crosstraffic`, on by default in SimGrid)
 */
import { PrecopyError } from "../base/errors.js";
import { FairLink } from "./fair-link.js";
import { runAlone } from "./lone-sender.js";
import { FLUID_STEPS_MAX, type FluidBounds, type FluidCounts } from "./sender.js";
import {
  SIMGRID_TIMEOUT_SEC,
  type SimgridGuest,
  type SimgridResult,
  SimgridSender,
} from "./simgrid-guest.js";

export type SimgridNetworkModel = "CM02" | "LV08";

/** `network/bandwidth-factor` and `network/latency-factor` of the models (SimGrid 3.32). */
export const SIMGRID_FACTORS: Readonly<
  Record<SimgridNetworkModel, { readonly bandwidth: number; readonly latency: number }>
> = {
  CM02: { bandwidth: 1, latency: 1 },
  LV08: { bandwidth: 0.97, latency: 13.01 },
};
/** `network/TCP-gamma`: the largest TCP window, bytes. */
export const SIMGRID_TCP_GAMMA_BYTES = 4_194_304;
/** What cross traffic takes on the way back, as a share of the flow's rate. */
export const SIMGRID_CROSS_TRAFFIC = 0.05;

export interface SimgridLink {
  readonly bandwidthBytesPerSec: number;
  readonly latencySec: number;
  readonly model: SimgridNetworkModel;
  readonly crossTraffic: boolean;
}

export interface SimgridWorld {
  readonly link: SimgridLink;
  readonly guests: readonly SimgridGuest[];
}

/** SimGrid's own time-out, and {@link FLUID_STEPS_MAX} steps, which SimGrid does not have. */
export const SIMGRID_BOUNDS: FluidBounds = {
  untilSec: SIMGRID_TIMEOUT_SEC,
  stepsMax: FLUID_STEPS_MAX,
};

/** No quantity of a machine comes near; keeps products of two of them finite. */
const QUANTITY_MAX = 1e18;

/**
 * Runs migrations as SimGrid's plugin would. Links do not touch one another, so each is run by
 * itself; `bounds.stepsMax` counts over all of them, and over former calls with the same `counts`.
 * Guests that a bound stops say so in `cutOff`.
 *
 * @returns for every world the results of its guests, in their order.
 * @throws PrecopyError when a quantity is not a number, negative, or 0 where that never ends.
 */
export function simulateSimgrid(
  worlds: readonly SimgridWorld[],
  bounds: FluidBounds = SIMGRID_BOUNDS,
  counts: FluidCounts = { steps: 0 },
): SimgridResult[][] {
  for (const [at, world] of worlds.entries()) checkWorld(world, at);
  return worlds.map(({ link, guests }) => {
    const { bandwidth, latency } = SIMGRID_FACTORS[link.model];
    const latencySec = link.latencySec * latency;
    // By the latency before its factor, and times that of bandwidth (measured on SimGrid 3.32).
    const windowLimit =
      link.latencySec > 0
        ? (bandwidth * SIMGRID_TCP_GAMMA_BYTES) / (2 * link.latencySec)
        : Number.POSITIVE_INFINITY;
    const share = link.crossTraffic ? 1 + SIMGRID_CROSS_TRAFFIC : 1;
    const capacity = (link.bandwidthBytesPerSec * bandwidth) / share;
    const senders = guests.map((guest) => new SimgridSender(guest, latencySec, windowLimit));
    const [only] = senders;
    if (senders.length === 1 && only !== undefined) runAlone(only, capacity, bounds, counts);
    else new FairLink(capacity, senders).run(bounds, counts);
    return senders.map((sender) => sender.result());
  });
}

function checkWorld({ link, guests }: SimgridWorld, at: number): void {
  const { bandwidthBytesPerSec, latencySec } = link;
  check(at, "the link's bandwidth", bandwidthBytesPerSec, { above: 0, unit: "bytes a second" });
  check(at, "the link's latency", latencySec, { from: 0, unit: "s" });
  for (const [i, guest] of guests.entries()) {
    const of = (what: string) => `${what} of guest ${i}`;
    check(at, of("the start"), guest.startSec, { from: 0, unit: "s" });
    check(at, of("the memory"), guest.ramBytes, { from: 1, unit: "bytes" });
    check(at, of("the cap"), guest.capBytes, { from: 0, unit: "bytes" });
    const speed = { from: 0, unit: "bytes a second (0 sets no limit)" };
    check(at, of("the migration speed"), guest.migrationBytesPerSec, speed);
    check(at, of("the dirty intensity"), guest.dirtyIntensity, { from: 0, unit: "of mig_speed" });
    check(at, of("the host's speed"), guest.hostFlopsPerSec, { above: 0, unit: "flops a second" });
    check(at, of("the load"), guest.load, { from: 0, unit: "of the host" });
    check(at, of("the work"), guest.workFlops, { from: 0, unit: "flops" });
  }
}

function check(
  at: number,
  what: string,
  value: number,
  { from, above, unit }: { from?: number; above?: number; unit: string },
): void {
  const low = above === undefined ? value >= (from ?? 0) : value > above;
  if (low && value <= QUANTITY_MAX) return;
  const limit = above === undefined ? `${from ?? 0} or more` : `more than ${above}`;
  throw new PrecopyError(
    "bad-input",
    `${what} in SimGrid world ${at} is ${value} ${unit}: give ${limit}, at most ${QUANTITY_MAX}`,
  );
}
