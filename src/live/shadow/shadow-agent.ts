/**
 * The thread of an arriving guest: does what the thread with the connection asks for
 * (shadow-machine.ts), copies pages to the guest as they arrive, and blocks within the guest where
 * it uses a page that is absent.
 *
 * While it is blocked, no message reaches this thread: it sees arrivals and the end of all hope by
 * shared memory, and looks at the page that is waited for first. Pages that nobody waits for are
 * copied between the guest's turns.
 *
 * A browser lets workers block, and no page's own thread (ECMAScript, AgentCanSuspend). That the
 * other thread died a blocked one is not told: it has to be the one that the program stands on, or
 * be watched by it.
 */
import { assert } from "../../base/assert.js";
import { NS_PER_MS } from "../../base/units.js";
import type { MachineDescription } from "../../migrate/ports.js";
import { StallTally } from "../../model/stalls.js";
import { closePort, listenToPort, type PortLike } from "../transport/port-events.js";
import { GuestGone } from "../v86/absent-pages.js";
import { ShadowMemory } from "./shadow-memory.js";
import {
  type FaultStalls,
  type FromGuest,
  failureOf,
  type Prepared,
  type Request,
  type ToGuest,
} from "./shadow-messages.js";

/** Pages that a guest waits for when it uses them; V86Guest's are AbsentPages. */
export interface AwaitedPages {
  isAbsent(pfn: number): boolean;
  /** Puts a page in its place. */
  arrive(pfn: number, contents: Uint8Array): void;
  /** None is absent. */
  end(): void;
}

/** A guest that can be filled while it does not run, and waits for the rest; V86Guest is one. */
export interface AwaitingGuest {
  readonly canAwaitPages: boolean;
  prepare(guest: MachineDescription): string | undefined | Promise<string | undefined>;
  writePage(pfn: number, contents: Uint8Array): void;
  loadDeviceState(state: Uint8Array): void | Promise<void>;
  awaitPages(pages: Uint32Array, wait: (pfn: number) => void): AwaitedPages;
  run(): void | Promise<void>;
  abort(): void | Promise<void>;
}

export class ShadowAgent<Guest extends AwaitingGuest> {
  /**
   * Resolves when the guest holds all its memory, and runs: it is free to be moved on. Undefined
   * where it did not come, or was given up.
   */
  readonly arrived: Promise<Guest | undefined>;
  private guest: Guest | undefined;
  private memory: ShadowMemory | undefined;
  private awaited: AwaitedPages | undefined;
  private readonly stalls = new StallTally();
  private queue: Promise<void> = Promise.resolve();
  private readonly silence: () => void;
  private settle: (guest: Guest | undefined) => void = () => {};

  /**
   * @param port to the thread of a ShadowMachine; no other may listen to it
   * @param createGuest makes an empty machine for this guest; throws a PrecopyError that says why
   *   there is none
   */
  constructor(
    private readonly port: PortLike,
    private readonly createGuest: (guest: MachineDescription) => Promise<Guest>,
  ) {
    this.arrived = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.silence = listenToPort(port, {
      message: (value) => this.hear(value as ToGuest),
      lost: () => this.lost(),
    });
  }

  private hear(message: ToGuest): void {
    if (message.kind === "arrived") {
      this.memory?.answerCall();
      this.applyArrived();
      return;
    }
    const { id, request } = message;
    this.queue = this.queue.then(async () => {
      try {
        this.post({ kind: "answer", id, value: await this.carryOut(request) });
      } catch (error) {
        this.post({ kind: "failed", id, failure: failureOf(error) });
      }
      if (request.kind === "whole") this.end(this.guest);
      if (request.kind === "abort") this.end(undefined);
    });
  }

  private async carryOut(request: Request): Promise<unknown> {
    switch (request.kind) {
      case "prepare":
        return await this.prepare(request.guest, request.memory);
      case "device-state":
        return await this.guest?.loadDeviceState(request.state);
      case "run":
        return await this.run();
      case "whole":
        this.applyArrived();
        this.awaited?.end();
        return this.told();
      case "abort":
        return await this.guest?.abort();
    }
  }

  private async prepare(guest: MachineDescription, memory: SharedArrayBuffer): Promise<Prepared> {
    this.guest = await this.createGuest(guest);
    const refusal = await this.guest.prepare(guest);
    if (refusal === undefined) this.memory = new ShadowMemory(memory, guest.pages);
    return { refusal, canWait: this.guest.canAwaitPages };
  }

  private async run(): Promise<void> {
    const { guest, memory } = this;
    this.applyArrived();
    // A page that has arrived since is one of these, too.
    const outstanding = memory?.outstanding() ?? new Uint32Array(0);
    if (outstanding.length > 0) {
      this.awaited = guest?.awaitPages(outstanding, (pfn) => this.wait(pfn));
    }
    await guest?.run();
  }

  /** Copies to the guest what has arrived and is not there yet. */
  private applyArrived(): void {
    const { memory } = this;
    if (memory === undefined) return;
    for (let pfn = memory.take(); pfn !== undefined; pfn = memory.take()) this.apply(memory, pfn);
  }

  private apply(memory: ShadowMemory, pfn: number): void {
    if (this.awaited !== undefined) this.awaited.arrive(pfn, memory.page(pfn));
    else this.guest?.writePage(pfn, memory.page(pfn));
  }

  /** Called within the guest; blocks. */
  private wait(pfn: number): void {
    const { memory, awaited } = this;
    assert(memory !== undefined && awaited !== undefined, "a guest waits while pages are absent");
    if (memory.takePage(pfn)) return this.apply(memory, pfn);
    const fromMs = performance.now();
    this.post({ kind: "fault", page: pfn });
    while (awaited.isAbsent(pfn)) {
      const seen = memory.arrivals;
      if (memory.takePage(pfn)) {
        this.apply(memory, pfn);
      } else if (memory.stopped) {
        throw new GuestGone(`page ${pfn} will not come`);
      } else {
        this.applyArrived();
        if (awaited.isAbsent(pfn)) memory.waitPast(seen);
      }
    }
    this.stalls.count++;
    this.stalls.add(Math.round((performance.now() - fromMs) * NS_PER_MS));
  }

  private told(): FaultStalls {
    const { count: faults, stallNs, worstNs: worstStallNs, buckets } = this.stalls;
    return { faults, stallNs, worstStallNs, stallBucketsUs: [...buckets] };
  }

  /** The other thread is gone, and with it every page that has not arrived. */
  private lost(): void {
    this.queue = this.queue.then(async () => {
      await this.guest?.abort();
      this.end(undefined);
    });
  }

  private end(guest: Guest | undefined): void {
    this.silence();
    closePort(this.port);
    this.memory = undefined;
    this.settle(guest);
  }

  private post(message: FromGuest): void {
    this.port.postMessage(message, []);
  }
}
