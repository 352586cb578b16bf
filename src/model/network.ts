/**
 * The network as a fluid: links shared max-min fairly by the flows on them, in virtual time.
 *
 * A passive object: it never reads a clock. Its owner asks for `nextEventNs()`, advances it with
 * `advanceTo(t)` and makes changes (messages, caps, links up and down) at the time that it was
 * last advanced to. Rates change only then and when a queue runs empty. A message leaves when its
 * last byte does, and arrives the sum of its path's latencies later.
 *
 * A link has its bandwidth both ways at once (full duplex): flows the one way take nothing from
 * those the other way. Rates, caps and sizes are payload; bandwidths are on the wire (link.ts says what frames cost).
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import type { LinkCounters, LinkOptions } from "./link.js";
import { checkBandwidth, Link } from "./link.js";
import type { Message } from "./network-flow.js";
import { Flow } from "./network-flow.js";
import { maxMinRates } from "./network-max-min.js";

const MAX_LINKS = 4096;
const MAX_OPEN_FLOWS = 65_536;
const MAX_WEIGHT = 65_535;

/** A link crossed from the second of its two ends to the first. */
export interface BackOver {
  readonly link: string;
  readonly reversed: boolean;
}

export interface FlowOptions {
  /** The links that it crosses, at least one, none twice; a name alone is crossed forwards. */
  readonly path: readonly (string | BackOver)[];
  /** Payload bytes a second, 0 or more; none means no cap. */
  readonly capBytesPerSec?: number | undefined;
  /** Share in contention, an integer from 1 (the default) to 65535. */
  readonly weight?: number | undefined;
  /** Makes it background traffic that always wants this much payload a second. */
  readonly demandBytesPerSec?: number | undefined;
}

export interface Departure<Tag = unknown> {
  readonly flow: Flow<Tag>;
  readonly tag: Tag;
  readonly bytes: number;
  /** The last byte left the sender. */
  readonly departedNs: number;
  /** The last byte reaches the receiver. */
  readonly arrivesNs: number;
}

export class Network<Tag = unknown> {
  /** Forwards at even indexes, the same backwards after it. */
  private readonly links: Link[] = [];
  private readonly indexOf = new Map<string, number>();
  private flows: Flow<Tag>[] = [];
  private flowsOpened = 0;
  private currentNs = 0;
  private ratesAreStale = false;
  private earliestNs: number | undefined;

  /** The time that the network was last advanced to; changes take effect at it. */
  get nowNs(): number {
    return this.currentNs;
  }

  addLink(options: LinkOptions): void {
    if (this.indexOf.has(options.name)) {
      throw new PrecopyError(
        "bad-input",
        `there are two links named "${options.name}": rename one`,
      );
    }
    const count = this.indexOf.size;
    if (count >= MAX_LINKS) {
      throw new PrecopyError(
        "limit",
        `link "${options.name}" would be number ${count + 1}: a network has at most ${MAX_LINKS}`,
      );
    }
    this.links.push(new Link(options), new Link(options));
    this.indexOf.set(options.name, 2 * count);
  }

  /** Changes a link at run time; what is given changes, the rest stays. */
  setLink(
    name: string,
    change: { readonly bandwidthBytesPerSec?: number; readonly up?: boolean },
  ): void {
    if (change.bandwidthBytesPerSec !== undefined) {
      checkBandwidth(name, change.bandwidthBytesPerSec);
    }
    for (const link of this.bothWays(name)) {
      link.bandwidthBytesPerSec = change.bandwidthBytesPerSec ?? link.bandwidthBytesPerSec;
      link.up = change.up ?? link.up;
    }
    this.ratesAreStale = true;
  }

  openFlow(options: FlowOptions): Flow<Tag> {
    const { weight = 1, capBytesPerSec, demandBytesPerSec } = options;
    if (this.flows.length >= MAX_OPEN_FLOWS) {
      throw new PrecopyError(
        "limit",
        `${this.flows.length} flows are open and ${MAX_OPEN_FLOWS} may be: close some first`,
      );
    }
    if (!Number.isInteger(weight) || weight < 1 || weight > MAX_WEIGHT) {
      throw new PrecopyError(
        "bad-input",
        `a flow's weight is ${weight}: give an integer from 1 to ${MAX_WEIGHT}`,
      );
    }
    if (capBytesPerSec !== undefined) checkRate("cap", capBytesPerSec);
    if (demandBytesPerSec !== undefined) checkDemand(demandBytesPerSec);
    const path = this.resolvePath(options.path);
    let latencyNs = 0;
    for (const index of path) latencyNs += (this.links[index] as Link).latencyNs;
    const settings = { path, latencyNs, weight, capBytesPerSec, demandBytesPerSec };
    const flow = new Flow<Tag>(this.flowsOpened++, settings, {
      flowWoke: () => {
        this.ratesAreStale = true;
      },
      networkNowNs: () => this.currentNs,
    });
    this.flows.push(flow);
    if (flow.wantsBandwidth) this.ratesAreStale = true;
    return flow;
  }

  /** Sets or (undefined) lifts a flow's cap, in payload bytes a second; 0 stalls it. */
  setCap(flow: Flow<Tag>, capBytesPerSec: number | undefined): void {
    assert(!flow.closed, `flow ${flow.index} is open when its cap is set`);
    if (capBytesPerSec !== undefined) checkRate("cap", capBytesPerSec);
    flow.capBytesPerSec = capBytesPerSec;
    if (flow.wantsBandwidth) this.ratesAreStale = true;
  }

  /** Closes a flow and returns the messages that had not left whole, in their order. */
  close(flow: Flow<Tag>): Message<Tag>[] {
    const at = this.flows.indexOf(flow);
    assert(at >= 0, `flow ${flow.index} is open when it is closed`);
    this.share();
    const sent = flow.sentBytes(this.currentNs);
    for (const index of flow.path) (this.links[index] as Link).closedFlowsBytes += sent;
    flow.closed = true;
    flow.rate = 0;
    this.flows.splice(at, 1);
    this.ratesAreStale = true;
    return flow.drain();
  }

  /** Payload bytes a second that the flow gets now; 0 while it has nothing to send or is closed. */
  rateOf(flow: Flow<Tag>): number {
    this.share();
    return flow.rate;
  }

  /** When the next message leaves; Infinity when none will as things stand. */
  nextEventNs(): number {
    this.share();
    if (this.earliestNs === undefined) {
      let earliest = Number.POSITIVE_INFINITY;
      for (const flow of this.flows) earliest = Math.min(earliest, flow.headLeavesNs);
      this.earliestNs = earliest;
    }
    return this.earliestNs;
  }

  /** Moves time on to `nowNs` and returns what left by then, ordered by time, flow and queue. */
  advanceTo(nowNs: number): Departure<Tag>[] {
    assert(
      Number.isSafeInteger(nowNs) && nowNs >= this.currentNs,
      `the network advances from ${this.currentNs} ns to an integer not before it, not ${nowNs}`,
    );
    const departures: Departure<Tag>[] = [];
    for (let next = this.nextEventNs(); next <= nowNs; next = this.nextEventNs()) {
      this.currentNs = next;
      this.departAt(next, departures);
    }
    this.currentNs = nowNs;
    return departures;
  }

  /** What a link has carried, both ways together. */
  countersOf(name: string): LinkCounters {
    const at = this.linkIndex(name);
    this.share();
    const [link, back] = this.bothWays(name);
    let payload = link.closedFlowsBytes + back.closedFlowsBytes;
    for (const flow of this.flows) {
      if (flow.path.some((index) => index >> 1 === at >> 1)) {
        payload += flow.sentBytes(this.currentNs);
      }
    }
    const { payloadBytes, overheadBytes } = link.frame;
    return {
      name,
      bandwidthBytesPerSec: link.bandwidthBytesPerSec,
      up: link.up,
      latencyNs: link.latencyNs,
      payloadBytes: link.payloadBytes + back.payloadBytes,
      wireBytes: link.wireBytes + back.wireBytes,
      carriedBytes: (payload * (payloadBytes + overheadBytes)) / payloadBytes,
    };
  }

  linkNames(): string[] {
    return [...this.indexOf.keys()];
  }

  private departAt(atNs: number, departures: Departure<Tag>[]): void {
    for (const flow of this.flows) {
      while (flow.headLeavesNs <= atNs) {
        const before = flow.departedBytes;
        const { tag, bytes } = flow.depart(atNs);
        for (const index of flow.path) {
          (this.links[index] as Link).book(before, flow.departedBytes);
        }
        const arrivesNs = atNs + flow.latencyNs;
        departures.push({ flow, tag, bytes, departedNs: atNs, arrivesNs });
        if (!flow.wantsBandwidth) this.ratesAreStale = true;
      }
    }
    this.earliestNs = undefined;
  }

  /** Brings the rates up to date with what changed at the present time. */
  private share(): void {
    if (!this.ratesAreStale) return;
    this.ratesAreStale = false;
    this.earliestNs = undefined;
    const active: Flow<Tag>[] = [];
    for (const flow of this.flows) {
      flow.settle(this.currentNs);
      if (flow.wantsBandwidth) active.push(flow);
      else flow.rate = 0;
    }
    maxMinRates(
      active,
      this.links.map((link) => link.goodputBytesPerSec),
    );
    for (const flow of this.flows) flow.schedule();
  }

  private resolvePath(crossed: readonly (string | BackOver)[]): number[] {
    if (crossed.length === 0) {
      throw new PrecopyError("bad-input", "a flow's path names no link: give at least one");
    }
    const path = crossed.map((one) => {
      const { link, reversed } = typeof one === "string" ? { link: one, reversed: false } : one;
      return this.linkIndex(link) + (reversed ? 1 : 0);
    });
    const twice = path.find((index, at) => path.findIndex((i) => i >> 1 === index >> 1) !== at);
    if (twice !== undefined) {
      throw new PrecopyError(
        "bad-input",
        `a flow's path crosses link "${(this.links[twice] as Link).name}" twice: name it once`,
      );
    }
    return path;
  }

  private bothWays(name: string): [forwards: Link, backwards: Link] {
    const at = this.linkIndex(name);
    return [this.links[at] as Link, this.links[at + 1] as Link];
  }

  private linkIndex(name: string): number {
    const index = this.indexOf.get(name);
    if (index !== undefined) return index;
    const known = this.linkNames().join(", ") || "none";
    throw new PrecopyError("unknown-name", `there is no link "${name}"; links are: ${known}`);
  }
}

function checkRate(what: string, bytesPerSec: number): void {
  if (bytesPerSec >= 0) return;
  throw new PrecopyError(
    "bad-input",
    `a flow's ${what} is ${bytesPerSec} bytes a second: give 0 or more`,
  );
}

function checkDemand(demandBytesPerSec: number): void {
  checkRate("demand", demandBytesPerSec);
  if (demandBytesPerSec !== Number.POSITIVE_INFINITY) return;
  throw new PrecopyError(
    "bad-input",
    "background traffic demands an unlimited rate: give a number, for example the link's bandwidth",
  );
}
