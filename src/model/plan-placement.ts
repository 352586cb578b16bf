/** Which guest stands where and what room there is: what plans are made from and tried out on. */
import { Routes } from "./route.js";
import type { SimulationSpec } from "./spec.js";

export interface PlacedGuest {
  readonly name: string;
  readonly pages: number;
  readonly host: string;
}

/** One move of a plan; a guest may have several, in this order. */
export interface PlannedMove {
  readonly guest: string;
  readonly to: string;
}

export class Placement {
  readonly guests: readonly PlacedGuest[];
  /** In the order of the specification. */
  readonly hosts: readonly string[];
  private readonly free = new Map<string, number>();
  private readonly routes: Routes;
  private readonly reachable = new Map<string, ReadonlySet<string>>();

  constructor(spec: Pick<SimulationSpec, "hosts" | "links" | "switches" | "domains">) {
    this.hosts = spec.hosts.map(({ name }) => name);
    this.guests = spec.domains.map(({ name, pages, host }) => ({ name, pages, host }));
    for (const { name, memoryPages, dom0 } of spec.hosts) {
      this.free.set(name, memoryPages - dom0.memoryPages);
    }
    for (const { host, pages } of this.guests) this.free.set(host, this.freeAt(host) - pages);
    this.routes = new Routes(spec);
  }

  /** Pages that neither Domain-0 nor a guest has. */
  freeAt(host: string): number {
    return this.free.get(host) ?? 0;
  }

  /** Largest first, of equals in the order of the specification. */
  guestsOn(host: string): PlacedGuest[] {
    return largestFirst(this.guests.filter((guest) => guest.host === host));
  }

  reaches(source: string, target: string): boolean {
    let from = this.reachable.get(source);
    if (from === undefined) {
      from = this.routes.reachable(source);
      this.reachable.set(source, from);
    }
    return from.has(target);
  }
}

export function largestFirst<T extends { readonly pages: number }>(all: readonly T[]): T[] {
  return [...all].sort((a, b) => b.pages - a.pages);
}

export function pagesOf(guests: readonly { readonly pages: number }[]): number {
  return guests.reduce((sum, { pages }) => sum + pages, 0);
}
