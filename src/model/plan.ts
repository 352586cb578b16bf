/**
 * Plans: what is to become of hosts, turned into migrations in an order that memory allows. A plan
 * decides who goes where; which of its migrations run at the same time is the admission rule's.
 *
 * - evacuate: every guest of one host goes to the others, spread evenly by free memory; packed
 *   tightly where an even spread leaves somebody without room.
 * - swap: two hosts exchange all their guests, over third hosts where there is no other way.
 * - consolidate: as few of the hosts named as can be found keep guests. The emptiest is drained
 *   first, into the fullest that have room (first-fit decreasing); guests of hosts that stay do not
 *   move, and hosts without a guest stay empty.
 */
import { PrecopyError } from "../base/errors.js";
import { formatBytes, PAGE_SIZE_BYTES } from "../base/units.js";
import { orderMoves } from "./plan-order.js";
import { bestFit, firstFit, pack, packBy, worstFit } from "./plan-packing.js";
import { type PlacedGuest, Placement, type PlannedMove, pagesOf } from "./plan-placement.js";
import type { MigrationSpec, SimulationSpec } from "./spec.js";

export type Plan =
  | { readonly kind: "evacuate"; readonly host: string }
  | { readonly kind: "swap"; readonly hosts: readonly [string, string] }
  | { readonly kind: "consolidate"; readonly hosts: readonly string[] };

/** What all migrations of a plan have in common. */
export type PlanDetails = Omit<MigrationSpec, "domain" | "to">;

/** The specification with the plan's migrations in place of its own. Throws `bad-input`. */
export function withPlan(spec: SimulationSpec, plan: Plan, details: PlanDetails): SimulationSpec {
  const migrations = planMoves(new Placement(spec), plan).map(({ guest, to }) => ({
    ...details,
    domain: guest,
    to,
  }));
  return { ...spec, migrations };
}

/** The moves in an order in which memory is never exceeded. Throws `bad-input` when there is none. */
export function planMoves(placement: Placement, plan: Plan): PlannedMove[] {
  for (const host of plan.kind === "evacuate" ? [plan.host] : plan.hosts) {
    if (placement.hosts.includes(host)) continue;
    throw new PrecopyError(
      "unknown-name",
      `there is no host "${host}": the hosts are ${placement.hosts.join(", ")}`,
    );
  }
  switch (plan.kind) {
    case "evacuate":
      return evacuate(placement, plan.host);
    case "swap":
      return swap(placement, ...plan.hosts);
    case "consolidate":
      return consolidate(placement, [...new Set(plan.hosts)]);
  }
}

function evacuate(placement: Placement, host: string): PlannedMove[] {
  const guests = placement.guestsOn(host);
  if (guests.length === 0) refuse(`${host} runs no guest: there is nothing to evacuate`);
  const bins = placement.hosts
    .filter((other) => other !== host && placement.reaches(host, other))
    .map((other) => ({ host: other, freePages: placement.freeAt(other) }));
  const options = { guests, bins, mayGo: () => true };
  const packing = pack(options, [worstFit, bestFit]);
  if (packing !== undefined) return [...packing].map(([{ name }, to]) => ({ guest: name, to }));
  const needed = pagesOf(guests);
  const free = bins.reduce((sum, { freePages }) => sum + freePages, 0);
  const cannot = `${host} cannot be evacuated: its guests need ${bytes(needed)} and the hosts that it reaches have ${bytes(free)} free`;
  if (needed > free) refuse(`${cannot}: ${bytes(needed - free)} are missing`);
  const { left, bins: rest } = packBy(options, bestFit);
  const { name, pages } = left as PlacedGuest;
  const most = Math.max(0, ...rest.map(({ freePages }) => freePages));
  refuse(
    `${cannot}, but not where it is needed: packed tightly, ${name} with ${bytes(pages)} is left over where the largest room is ${bytes(most)}; ${bytes(pages - most)} more there would do for it`,
  );
}

function swap(placement: Placement, a: string, b: string): PlannedMove[] {
  if (a === b) refuse(`${a} cannot change places with itself: name two hosts`);
  const [onA, onB] = [placement.guestsOn(a), placement.guestsOn(b)];
  const movers = [...onA, ...onB];
  if (movers.length === 0) refuse(`${a} and ${b} run no guest: there is nothing to swap`);
  for (const [host, coming, going] of [
    [a, onB, onA],
    [b, onA, onB],
  ] as const) {
    const lacking = pagesOf(coming) - pagesOf(going) - placement.freeAt(host);
    if (lacking <= 0) continue;
    const room = pagesOf(coming) - lacking;
    refuse(
      `${a} and ${b} cannot change places: the guests that come to ${host} need ${bytes(pagesOf(coming))} and it has room for ${bytes(room)}: ${bytes(lacking)} are missing`,
    );
  }
  const goals = new Map(movers.map(({ name, host }) => [name, host === a ? b : a]));
  const moves = orderMoves({ placement, goals });
  if (moves !== undefined) return moves;
  refuse(
    `no order of moves was found in which ${a} and ${b} change places: they have ${bytes(placement.freeAt(a))} and ${bytes(placement.freeAt(b))} free, and no third host has enough; ${spareText(placement, goals, movers)}`,
  );
}

/**
 * About the least room on one more host with which the swap works: of the guests' sizes and of all
 * guests of a side, who can always wait there for the others.
 */
function spareText(
  placement: Placement,
  goals: ReadonlyMap<string, string>,
  movers: readonly PlacedGuest[],
): string {
  const [first] = movers;
  const side = pagesOf(movers.filter(({ host }) => host === first?.host));
  const all = new Set([...movers.map(({ pages }) => pages), side, pagesOf(movers) - side]);
  const sizes = [...all].sort((x, y) => x - y);
  let [low, high] = [0, sizes.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const spare = { host: "", pages: sizes[middle] as number };
    if (orderMoves({ placement, goals, spare }) === undefined) low = middle + 1;
    else high = middle;
  }
  return `one more host with ${bytes(sizes[low] as number)} would do`;
}

function consolidate(placement: Placement, hosts: readonly string[]): PlannedMove[] {
  const used = new Map(hosts.map((host) => [host, pagesOf(placement.guestsOn(host))]));
  const busy = hosts
    .filter((host) => (used.get(host) as number) > 0)
    .sort((a, b) => (used.get(a) as number) - (used.get(b) as number));
  let drained: string[] = [];
  let moves: PlannedMove[] = [];
  for (const host of busy) {
    const trial = [...drained, host];
    const bins = busy
      .filter((other) => !trial.includes(other))
      .reverse()
      .map((other) => ({ host: other, freePages: placement.freeAt(other) }));
    const guests = trial.flatMap((one) => placement.guestsOn(one));
    const mayGo = (guest: PlacedGuest, to: string) => placement.reaches(guest.host, to);
    const packing = pack({ guests, bins, mayGo }, [firstFit, bestFit]);
    if (packing === undefined) continue;
    drained = trial;
    moves = guests.map((guest) => ({ guest: guest.name, to: packing.get(guest) as string }));
  }
  if (drained.length > 0) return moves;
  const [emptiest] = busy;
  if (emptiest === undefined) refuse("none of the hosts runs a guest: nothing to consolidate");
  const elsewhere = busy.slice(1).reduce((sum, host) => sum + placement.freeAt(host), 0);
  refuse(
    `no host can be emptied: the guests of the emptiest, ${emptiest}, need ${bytes(used.get(emptiest) as number)}, and the others have ${bytes(elsewhere)} free in all`,
  );
}

function refuse(message: string): never {
  throw new PrecopyError("bad-input", message);
}

function bytes(pages: number): string {
  return formatBytes(pages * PAGE_SIZE_BYTES);
}
