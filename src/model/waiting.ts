/**
 * The migrations of a simulation that have not started. The admission rule chooses among those that
 * could: whose guest's earlier move has ended, and whose target has room for the whole guest beside
 * what is promised to others.
 *
 * Room alone is not enough where guests change places: one that takes the room which the others'
 * order counts on can leave all of them stuck. So none is admitted after which fewer of the rest
 * could still be moved one by one, as a banker lends no money that he could not lend to the end
 * (Dijkstra, EWD 623: recalled, not verified). What nothing can ever make room for is started for its target to refuse.
 */
import { PrecopyError } from "../base/errors.js";
import { PAGE_SIZE_BYTES } from "../base/units.js";
import type {
  ActiveMigration,
  AdmissionPhase,
  AdmissionRule,
  WaitingMigration,
} from "../policy/admission.js";
import { Routes } from "./route.js";
import { sourceOf } from "./setup.js";
import type { DomainSpec, SimulationSpec } from "./spec.js";
import type { XenHost } from "./xen-host.js";

export interface WaitingOptions {
  readonly spec: SimulationSpec;
  readonly rule: AdmissionRule;
  readonly hosts: ReadonlyMap<string, XenHost>;
}

/** A migration as the admission rule sees it. */
interface Move extends WaitingMigration {
  readonly index: number;
  readonly pages: number;
  /** Number of the guest's move before this one, -1 if it is the first. */
  readonly after: number;
}

/** Free pages by host. */
type Room = Map<string, number>;

/** Looks through the list for what can still be moved at most so often. */
const PASSES_MAX = 4;

export class WaitingMigrations {
  private readonly moves: readonly Move[];
  private waiting: Move[];

  constructor(private readonly options: WaitingOptions) {
    this.moves = movesOf(options.spec);
    this.waiting = [...this.moves];
  }

  get count(): number {
    return this.waiting.length;
  }

  /** Instants at which a start time comes, each once. */
  startTimesNs(): number[] {
    return [...new Set(this.moves.map(({ startNs }) => startNs))];
  }

  clear(): void {
    this.waiting = [];
  }

  /** A guest that did not arrive goes nowhere from there. */
  drop(guest: string): void {
    this.waiting = this.waiting.filter((move) => move.guest !== guest);
  }

  /** Takes out those that may start now, in the order to start them. `phases`: by number of the active. */
  admit(nowNs: number, phases: ReadonlyMap<number, AdmissionPhase>): number[] {
    if (this.waiting.length === 0) return [];
    const active = [...phases].map(([index, phase]) => ({ ...this.move(index), phase }));
    const round = new AdmissionRound(this.options, { nowNs, active, waiting: this.waiting });
    const admitted = new Set(round.run());
    if (admitted.size > 0) this.waiting = this.waiting.filter(({ index }) => !admitted.has(index));
    return [...admitted];
  }

  private move(index: number): Move {
    return this.moves[index] as Move;
  }
}

/** One time of asking: the rule is asked until it admits no more. */
class AdmissionRound {
  private readonly room: Room;
  private readonly active: (Move & { readonly phase: AdmissionPhase })[];
  private waiting: Move[];
  private readonly pressed: boolean;

  constructor(
    private readonly options: WaitingOptions,
    private readonly state: {
      readonly nowNs: number;
      readonly active: readonly (Move & { readonly phase: AdmissionPhase })[];
      readonly waiting: readonly Move[];
    },
  ) {
    this.active = [...state.active];
    this.waiting = [...state.waiting];
    this.room = this.promisedRoom();
    this.pressed = this.roomIsShort();
  }

  run(): number[] {
    const admitted: number[] = [];
    for (;;) {
      const move = this.next();
      if (move === undefined) break;
      admitted.push(move.index);
      this.waiting.splice(this.waiting.indexOf(move), 1);
      const phase = move.startNs > this.state.nowNs ? "scheduled" : "loading";
      this.active.push({ ...move, phase });
      this.room.set(move.target, this.roomAt(move.target) - move.pages);
    }
    return admitted;
  }

  private next(): Move | undefined {
    const { nowNs } = this.state;
    const before = new Set(this.waiting.map(({ index }) => index));
    for (const { index } of this.active) before.add(index);
    const unblocked = this.waiting.filter(({ after }) => !before.has(after));
    let candidates = unblocked.filter((move) => this.roomAt(move.target) >= move.pages);
    if (this.pressed && candidates.length > 0) candidates = this.safe(candidates);
    const active: readonly ActiveMigration[] = this.active;
    if (candidates.length > 0) {
      const at = this.options.rule.next({ nowNs, waiting: candidates, active });
      if (at !== undefined) return candidates[at];
    }
    if (active.length > 0) return undefined;
    if (candidates.some(({ startNs }) => startNs <= nowNs)) {
      throw new PrecopyError(
        "bad-input",
        `the admission rule starts none of ${candidates.length} waiting migrations while none runs: it must start one`,
      );
    }
    // Nothing runs that could make room: let the target say what is missing.
    return candidates.length === 0 ? unblocked[0] : undefined;
  }

  /** Those after which as many of the rest can still be moved as now; all if there are none. */
  private safe(candidates: Move[]): Move[] {
    const now = this.movable(undefined);
    const safe = candidates.filter((move) => this.movable(move) >= now);
    return safe.length > 0 || this.active.length > 0 ? safe : candidates;
  }

  /** How many of the waiting can be moved one by one, once `first` and all active ones have arrived. */
  private movable(first: Move | undefined): number {
    const room: Room = new Map(this.room);
    const add = (host: string, pages: number) => room.set(host, (room.get(host) ?? 0) + pages);
    for (const { source, pages } of this.active) add(source, pages);
    let left: readonly Move[] = this.waiting;
    let moved = 0;
    const arrive = ({ source, target, pages }: Move) => {
      add(target, -pages);
      add(source, pages);
      moved++;
    };
    if (first !== undefined) {
      arrive(first);
      left = left.filter((move) => move !== first);
    }
    for (let pass = 0, before = -1; pass < PASSES_MAX && moved > before; pass++) {
      before = moved;
      const stuck = new Set<string>();
      left = left.filter((move) => {
        if (!stuck.has(move.guest) && (room.get(move.target) ?? 0) >= move.pages) {
          arrive(move);
          return false;
        }
        stuck.add(move.guest);
        return true;
      });
    }
    return moved;
  }

  /** Free pages without those that active migrations were promised and have not reserved yet. */
  private promisedRoom(): Room {
    const room: Room = new Map();
    for (const [name, { memory }] of this.options.hosts) room.set(name, memory.freePages);
    for (const { guest, target, pages } of this.active) {
      const reserved = this.options.hosts.get(target)?.memory.has(guest) ?? false;
      if (!reserved) room.set(target, (room.get(target) ?? 0) - pages);
    }
    return room;
  }

  /** False: all that wait could go at the same time. */
  private roomIsShort(): boolean {
    const coming: Room = new Map();
    for (const { target, pages } of this.waiting) {
      const sum = (coming.get(target) ?? 0) + pages;
      if (sum > this.roomAt(target)) return true;
      coming.set(target, sum);
    }
    return false;
  }

  private roomAt(host: string): number {
    return this.room.get(host) ?? 0;
  }
}

function movesOf(spec: SimulationSpec): Move[] {
  const routes = new Routes(spec);
  const domains = new Map(spec.domains.map((domain) => [domain.name, domain]));
  const lastOf = new Map<string, number>();
  return spec.migrations.map(({ domain, to, startNs }, index) => {
    const { pages, name } = domains.get(domain) as DomainSpec;
    const source = sourceOf(spec, index);
    const { hops, payloadBytesPerSec } = routes.between(source, to);
    const after = lastOf.get(domain) ?? -1;
    lastOf.set(domain, index);
    return {
      index,
      guest: name,
      source,
      target: to,
      links: hops.map(({ link, reversed }) => (reversed ? `${link.name} back` : link.name)),
      startNs,
      expectedNs: (pages * PAGE_SIZE_BYTES * 1e9) / payloadBytesPerSec,
      pages,
      after,
    };
  });
}
