/**
 * Links that go down for a while, as the specification says. Outages of a link that overlap are
 * one; one without an end lasts for ever.
 */
import { PrecopyError } from "../base/errors.js";
import type { EventQueue } from "../base/event-queue.js";
import { type LinkSpec, SIMULATION_NS_MAX } from "./spec.js";

export interface OutageOptions {
  readonly links: readonly LinkSpec[];
  readonly queue: EventQueue<(nowNs: number) => void>;
  readonly network: { setLink(link: string, change: { readonly up: boolean }): void };
  /** Who is told besides. */
  readonly drivers: readonly LinkUser[];
}

interface LinkUser {
  linkChanged(link: string, up: boolean, nowNs: number): void;
}

export class Outages {
  /** By link, how many of its outages last. */
  private readonly lasting = new Map<string, number>();

  constructor(private readonly options: OutageOptions) {
    const { links, queue } = options;
    for (const { name, outages = [] } of links) {
      for (const { atNs, forNs } of outages) {
        queue.schedule(atNs, (nowNs) => this.count(name, 1, nowNs));
        if (forNs !== undefined) {
          queue.schedule(atNs + forNs, (nowNs) => this.count(name, -1, nowNs));
        }
      }
    }
  }

  /** A user that begins while links are down. */
  tellWhatIsDown(user: LinkUser, nowNs: number): void {
    for (const { name } of this.options.links) {
      if (this.isDown(name)) user.linkChanged(name, false, nowNs);
    }
  }

  private isDown(link: string): boolean {
    return (this.lasting.get(link) ?? 0) > 0;
  }

  private count(link: string, by: 1 | -1, nowNs: number): void {
    const before = this.isDown(link);
    this.lasting.set(link, (this.lasting.get(link) ?? 0) + by);
    const down = this.isDown(link);
    if (down === before) return;
    this.options.network.setLink(link, { up: !down });
    for (const driver of this.options.drivers) driver.linkChanged(link, !down, nowNs);
  }
}

/** Throws `bad-input` for instants that are not on the time line. */
export function checkOutages({ name, outages = [] }: LinkSpec): void {
  for (const { atNs, forNs = 1 } of outages) {
    const onTimeLine = (ns: number, min: number) =>
      Number.isSafeInteger(ns) && ns >= min && ns <= SIMULATION_NS_MAX;
    if (onTimeLine(atNs, 0) && onTimeLine(forNs, 1)) continue;
    throw new PrecopyError(
      "bad-input",
      `link "${name}" has an outage at ${atNs} ns for ${forNs} ns: give whole nanoseconds, from 0 and from 1, up to ${SIMULATION_NS_MAX}`,
    );
  }
}
