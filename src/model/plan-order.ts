/**
 * An order of moves in which every guest comes to its goal and no host ever holds more than it has:
 * while a guest moves, both hosts hold its memory. Where none can go straight, one is parked on a
 * third host and comes from there later.
 *
 * Straight moves are made as long as there are any, the largest first: it leaves the most room
 * behind. Then the smallest guest whose leaving lets another in is parked, or else the largest that
 * can be. Where this gets stuck, all orders are looked through up to a bound.
 */
import type { PlacedGuest, Placement, PlannedMove } from "./plan-placement.js";

export interface OrderOptions {
  readonly placement: Placement;
  /** By guest, the host that it is to end on; guests that are not named stay. */
  readonly goals: ReadonlyMap<string, string>;
  /** Room on a host besides, that every other reaches: to find out what is missing. */
  readonly spare?: { readonly host: string; readonly pages: number };
}

/** States that the search looks at before it gives up, and steps from each for which it is tried. */
const STATES_MAX = 5_000;
const STEPS_MAX = 200;

/** The moves in their order, or undefined if no order was found. */
export function orderMoves(options: OrderOptions): PlannedMove[] | undefined {
  return new Board(options).greedy() ?? new Board(options).search();
}

/** Guests on hosts, moved one by one. */
class Board {
  private readonly free = new Map<string, number>();
  private readonly at = new Map<PlacedGuest, string>();
  private readonly hosts: readonly string[];
  private readonly movers: readonly PlacedGuest[];

  constructor(private readonly options: OrderOptions) {
    const { placement, goals, spare } = options;
    this.hosts = spare === undefined ? placement.hosts : [...placement.hosts, spare.host];
    for (const host of placement.hosts) this.free.set(host, placement.freeAt(host));
    if (spare !== undefined) this.free.set(spare.host, spare.pages);
    this.movers = placement.guests.filter(({ name, host }) => (goals.get(name) ?? host) !== host);
    for (const guest of this.movers) this.at.set(guest, guest.host);
  }

  greedy(): PlannedMove[] | undefined {
    const moves: PlannedMove[] = [];
    const parked = new Set<PlacedGuest>();
    let left = [...this.movers];
    while (left.length > 0) {
      const straight = largest(left.filter((guest) => this.fits(guest, this.goal(guest))));
      if (straight !== undefined) {
        moves.push(this.move(straight, this.goal(straight)));
        left = left.filter((guest) => guest !== straight);
        continue;
      }
      const next = this.nextToPark(left.filter((guest) => !parked.has(guest)));
      if (next === undefined) return undefined;
      parked.add(next.guest);
      moves.push(this.move(next.guest, next.to));
    }
    return moves;
  }

  /** Breadth first over where the guests stand: the fewest moves. */
  search(): PlannedMove[] | undefined {
    const { movers } = this;
    if (movers.length * this.hosts.length > STEPS_MAX) return undefined;
    const start = movers.map(({ host }) => host);
    const cameBy = new Map([
      [start.join(), { before: "", move: undefined as PlannedMove | undefined }],
    ]);
    const queue = [start];
    for (const state of queue) {
      if (movers.every((guest, i) => state[i] === this.goal(guest))) return movesTo(state, cameBy);
      if (queue.length > STATES_MAX) return undefined;
      this.stand(state);
      for (const [i, guest] of movers.entries()) {
        for (const to of this.hosts) {
          if (to === state[i] || !this.fits(guest, to)) continue;
          const next = [...state];
          next[i] = to;
          if (cameBy.has(next.join())) continue;
          cameBy.set(next.join(), { before: state.join(), move: { guest: guest.name, to } });
          queue.push(next);
        }
      }
    }
    return undefined;
  }

  private nextToPark(
    candidates: readonly PlacedGuest[],
  ): { readonly guest: PlacedGuest; readonly to: string } | undefined {
    const smallestFirst = [...candidates].sort((a, b) => a.pages - b.pages);
    const letsIn = this.smallestComing();
    const unlocking = smallestFirst.filter((guest) => {
      const host = this.at.get(guest) as string;
      return this.freeAt(host) + guest.pages >= (letsIn.get(host) ?? Number.POSITIVE_INFINITY);
    });
    for (const guest of [...unlocking, ...smallestFirst.reverse()]) {
      const to = this.parkFor(guest);
      if (to !== undefined) return { guest, to };
    }
    return undefined;
  }

  /** By host, the pages of the smallest guest that is still to come to it. */
  private smallestComing(): Map<string, number> {
    const smallest = new Map<string, number>();
    for (const guest of this.movers) {
      const goal = this.goal(guest);
      if (this.at.get(guest) === goal) continue;
      smallest.set(goal, Math.min(guest.pages, smallest.get(goal) ?? Number.POSITIVE_INFINITY));
    }
    return smallest;
  }

  /** The third host with the least room that will do, so that larger rooms stay whole. */
  private parkFor(guest: PlacedGuest): string | undefined {
    const goal = this.goal(guest);
    let best: string | undefined;
    for (const host of this.hosts) {
      if (host === goal || !this.fits(guest, host) || !this.reaches(host, goal)) continue;
      if (best === undefined || this.freeAt(host) < this.freeAt(best)) best = host;
    }
    return best;
  }

  private fits(guest: PlacedGuest, host: string): boolean {
    const from = this.at.get(guest) as string;
    return from !== host && this.freeAt(host) >= guest.pages && this.reaches(from, host);
  }

  private reaches(from: string, to: string): boolean {
    const { placement, spare } = this.options;
    return from === spare?.host || to === spare?.host || placement.reaches(from, to);
  }

  private move(guest: PlacedGuest, to: string): PlannedMove {
    const from = this.at.get(guest) as string;
    this.free.set(from, this.freeAt(from) + guest.pages);
    this.free.set(to, this.freeAt(to) - guest.pages);
    this.at.set(guest, to);
    return { guest: guest.name, to };
  }

  private stand(state: readonly string[]): void {
    for (const [i, guest] of this.movers.entries()) this.move(guest, state[i] as string);
  }

  private goal({ name, host }: PlacedGuest): string {
    return this.options.goals.get(name) ?? host;
  }

  private freeAt(host: string): number {
    return this.free.get(host) ?? 0;
  }
}

function largest(guests: readonly PlacedGuest[]): PlacedGuest | undefined {
  return guests.reduce<PlacedGuest | undefined>(
    (best, guest) => (best === undefined || guest.pages > best.pages ? guest : best),
    undefined,
  );
}

function movesTo(
  end: readonly string[],
  cameBy: ReadonlyMap<string, { readonly before: string; readonly move: PlannedMove | undefined }>,
): PlannedMove[] {
  const moves: PlannedMove[] = [];
  for (let key = end.join(); ; ) {
    const { before, move } = cameBy.get(key) as { before: string; move: PlannedMove | undefined };
    if (move === undefined) return moves;
    moves.unshift(move);
    key = before;
  }
}
