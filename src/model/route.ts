/**
 * The ways between hosts: the fewest links, over switches. Hosts do not forward for others. Among
 * ways of equal length the one over links listed first is taken, as by a fixed table.
 */
import { PrecopyError } from "../base/errors.js";
import { ETHERNET_TCP_FRAME } from "./link.js";
import type { LinkSpec, SimulationSpec } from "./spec.js";

export interface Hop {
  readonly link: LinkSpec;
  /** Crossed from the second of its two ends to the first. */
  readonly reversed: boolean;
}

export interface Route {
  /** From source to target, at least one. */
  readonly hops: readonly Hop[];
  /** One way. */
  readonly latencyNs: number;
  /** Of the narrowest link, on the wire. */
  readonly bandwidthBytesPerSec: number;
  /** Payload that gets through when nobody else sends. */
  readonly payloadBytesPerSec: number;
}

export class Routes {
  private readonly isSwitch: ReadonlySet<string>;
  private readonly hopsFrom = new Map<string, Hop[]>();

  constructor({ links, switches = [] }: Pick<SimulationSpec, "links" | "switches">) {
    this.isSwitch = new Set(switches);
    for (const link of links) {
      const [a, b] = link.between;
      this.addHop(a, { link, reversed: false });
      this.addHop(b, { link, reversed: true });
    }
  }

  /** The route between two hosts; throws `bad-input` when nothing joins them. */
  between(source: string, target: string): Route {
    const route = this.find(source, target);
    if (route !== undefined) return route;
    throw new PrecopyError(
      "bad-input",
      `no link joins ${source} and ${target}: add one between them, or links to one switch`,
    );
  }

  /** The route from `source` to `target`, or undefined if nothing joins them. */
  find(source: string, target: string): Route | undefined {
    const cameBy = this.search(source, (name) => name === target);
    const hops: Hop[] = [];
    for (let at = target; at !== source; ) {
      const hop = cameBy.get(at);
      if (hop === undefined) return undefined;
      hops.unshift(hop);
      at = hop.link.between[hop.reversed ? 1 : 0];
    }
    return hops.length === 0 ? undefined : routeOver(hops);
  }

  /** Hosts that `source` has a way to. */
  reachable(source: string): Set<string> {
    const found = new Set(this.search(source, () => false).keys());
    for (const name of [...found])
      if (name === source || this.isSwitch.has(name)) found.delete(name);
    return found;
  }

  /** Breadth first: by each name that was reached, the hop that led there. */
  private search(
    source: string,
    enough: (name: string) => boolean,
  ): ReadonlyMap<string, Hop | undefined> {
    const cameBy = new Map<string, Hop | undefined>([[source, undefined]]);
    // A Map is walked in the order of insertion, what is added meanwhile included.
    for (const from of cameBy.keys()) {
      if (from !== source && !this.isSwitch.has(from)) continue;
      for (const hop of this.hopsFrom.get(from) ?? []) {
        const to = hop.link.between[hop.reversed ? 0 : 1];
        if (cameBy.has(to)) continue;
        cameBy.set(to, hop);
        if (enough(to)) return cameBy;
      }
    }
    return cameBy;
  }

  private addHop(from: string, hop: Hop): void {
    const hops = this.hopsFrom.get(from);
    if (hops === undefined) this.hopsFrom.set(from, [hop]);
    else hops.push(hop);
  }
}

/** Payload bytes a second that a link carries when nobody else uses it. */
export function payloadRate({
  bandwidthBytesPerSec,
  frame = ETHERNET_TCP_FRAME,
}: LinkSpec): number {
  return (bandwidthBytesPerSec * frame.payloadBytes) / (frame.payloadBytes + frame.overheadBytes);
}

function routeOver(hops: readonly Hop[]): Route {
  return {
    hops,
    latencyNs: hops.reduce((sum, { link }) => sum + link.latencyNs, 0),
    bandwidthBytesPerSec: Math.min(...hops.map(({ link }) => link.bandwidthBytesPerSec)),
    payloadBytesPerSec: Math.min(...hops.map(({ link }) => payloadRate(link))),
  };
}
