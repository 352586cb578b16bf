/**
 * Senders whose paths cross several links, shared max-min fairly. Rates are recomputed whenever a
 * flow comes or goes, in O(F log F + (F + L) L) for F flows on L links (model/network-max-min.ts):
 * for topologies of a few hundred flows. One link by itself has a faster solver (fair-link.ts).
 */
import { maxMinRates, type RatedFlow } from "../model/network-max-min.js";
import {
  type FluidBounds,
  type FluidCounts,
  type FluidSender,
  stepsReason,
  untilReason,
} from "./sender.js";

interface PathFlow extends RatedFlow {
  readonly sender: FluidSender;
  boundBytesPerSec: number;
  state: "delayed" | "flowing" | "ended";
  /** When the delay is over. */
  wakeSec: number;
  leftBytes: number;
}

export class MaxMinLinks {
  private nowSec = 0;
  private stale = true;
  private readonly flows: PathFlow[];

  constructor(
    private readonly capacitiesBytesPerSec: readonly number[],
    senders: readonly { readonly sender: FluidSender; readonly path: readonly number[] }[],
  ) {
    this.flows = senders.map(({ sender, path }) => ({
      sender,
      path,
      weight: 1,
      boundBytesPerSec: Number.POSITIVE_INFINITY,
      rate: 0,
      state: "delayed",
      wakeSec: sender.startSec,
      leftBytes: 0,
    }));
  }

  /** Runs all senders to their ends, or cuts off those that a bound stops. */
  run(bounds: FluidBounds, counts: FluidCounts): void {
    for (;;) {
      this.share();
      const next = this.earliest();
      if (next === undefined) return;
      const atSec = this.endSec(next);
      if (atSec > bounds.untilSec) return this.cutOff(bounds.untilSec, untilReason(bounds));
      if (counts.steps >= bounds.stepsMax) return this.cutOff(this.nowSec, stepsReason(bounds));
      this.moveTo(atSec);
      if (next.state === "delayed" && next.leftBytes > 0) {
        this.startFlow(next);
        continue;
      }
      counts.steps++;
      if (next.state === "flowing") this.stale = true;
      if (next.sender.next(atSec)) this.begin(next);
      else next.state = "ended";
    }
  }

  private begin(flow: PathFlow): void {
    const { delaySec, bytes } = flow.sender;
    flow.leftBytes = bytes;
    flow.state = "delayed";
    flow.wakeSec = this.nowSec + delaySec;
    if (delaySec === 0 && bytes > 0) this.startFlow(flow);
  }

  private startFlow(flow: PathFlow): void {
    flow.state = "flowing";
    flow.boundBytesPerSec = flow.sender.limitBytesPerSec;
    this.stale = true;
  }

  private share(): void {
    if (!this.stale) return;
    this.stale = false;
    const flowing = this.flows.filter(({ state }) => state === "flowing");
    maxMinRates(flowing, this.capacitiesBytesPerSec);
  }

  private earliest(): PathFlow | undefined {
    let earliest: PathFlow | undefined;
    let atSec = Number.POSITIVE_INFINITY;
    for (const flow of this.flows) {
      const endSec = this.endSec(flow);
      if (endSec >= atSec) continue;
      atSec = endSec;
      earliest = flow;
    }
    return earliest;
  }

  private endSec(flow: PathFlow): number {
    if (flow.state === "ended") return Number.POSITIVE_INFINITY;
    if (flow.state === "delayed") return flow.wakeSec;
    return this.nowSec + flow.leftBytes / flow.rate;
  }

  private moveTo(atSec: number): void {
    const elapsedSec = atSec - this.nowSec;
    this.nowSec = atSec;
    for (const flow of this.flows) {
      if (flow.state !== "flowing") continue;
      // What ends now has nothing left, whatever the multiplication says.
      const sent = flow.rate * elapsedSec;
      flow.leftBytes = flow.leftBytes - sent <= sent * 1e-15 ? 0 : flow.leftBytes - sent;
    }
  }

  private cutOff(atSec: number, reason: string): void {
    for (const flow of this.flows) {
      if (flow.state !== "ended") flow.sender.cutOff(atSec, reason);
    }
  }
}
