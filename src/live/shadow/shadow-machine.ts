/**
 * The machine that a guest arrives at, seen from the thread with the connection, where the guest
 * lives in another (shadow-agent.ts). So a guest that waits for a page may block its thread, and
 * the page is received all the same.
 *
 *   LiveTarget ──▶ ShadowMachine ═══ ShadowMemory ═══ ShadowAgent ──▶ guest
 *   connection,    pages in and out    shared        copies pages     runs, and blocks
 *   decoding                                         to the guest
 *
 * Pages are read back from the shadow (a delta is decoded onto what came before), the digest of
 * `verify` is one of the shadow too. The guest costs twice its memory until it is whole.
 */
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { PageBitmap, U32Buffer } from "../../kernels/index.js";
import type { Region } from "../../migrate/messages.js";
import type { MachineDescription, TargetMachine } from "../../migrate/ports.js";
import type { FaultingMachine } from "../arrival-room.js";
import { closePort, listenToPort, type PortLike } from "../transport/port-events.js";
import { ShadowMemory } from "./shadow-memory.js";
import {
  errorOf,
  type FaultStalls,
  type FromGuest,
  type Prepared,
  type Request,
  type ToGuest,
} from "./shadow-messages.js";

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class ShadowMachine implements TargetMachine<Uint8Array>, Partial<FaultingMachine> {
  /** When the guest holds all its memory itself: what it waited; undefined where it did not come. */
  readonly whole: Promise<FaultStalls | undefined>;
  /** Undefined where the guest there cannot wait for pages; known when it is prepared. */
  expectPages?: FaultingMachine["expectPages"];
  private memory: ShadowMemory | undefined;
  private fault: ((page: number) => void) | undefined;
  private running = false;
  private over: string | undefined;
  private nextId = 1;
  private readonly pending = new Map<number, Pending>();
  private readonly silence: () => void;
  private settle: (stalls: FaultStalls | undefined) => void = () => {};

  /** @param port to the thread of a {@link ShadowAgent}; closed when the guest is whole, or gone */
  constructor(private readonly port: PortLike) {
    this.whole = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.silence = listenToPort(port, {
      message: (value) => this.hear(value as FromGuest),
      lost: (reason) => this.end(`the thread of the guest is gone: ${reason}`),
    });
  }

  async prepare(guest: MachineDescription): Promise<string | undefined> {
    if (guest.pageSizeBytes !== PAGE_SIZE_BYTES) {
      return `${guest.name} has pages of ${guest.pageSizeBytes} bytes, and ${PAGE_SIZE_BYTES} fit`;
    }
    const memory = ShadowMemory.create(guest.pages);
    const request = { kind: "prepare", guest, memory: memory.buffer } as const;
    const { refusal, canWait } = (await this.ask(request)) as Prepared;
    if (refusal !== undefined) return refusal;
    this.memory = memory;
    if (canWait) this.expectPages = (missing, fault) => this.expect(missing, fault);
    return undefined;
  }

  readPages(region: Region, pages: U32Buffer, into: Uint8Array): void {
    const memory = this.shadow(region);
    const list = pages.view();
    for (let i = 0; i < list.length; i++) {
      into.set(memory.page(list[i] as number), i * PAGE_SIZE_BYTES);
    }
  }

  writePages(region: Region, pages: U32Buffer, contents: Uint8Array): void {
    const memory = this.shadow(region);
    const list = pages.view();
    for (let i = 0; i < list.length; i++) {
      const page = contents.subarray(i * PAGE_SIZE_BYTES, (i + 1) * PAGE_SIZE_BYTES);
      if (this.running) memory.putExpected(list[i] as number, page);
      else memory.put(list[i] as number, page);
    }
    if (memory.announce()) this.post({ kind: "arrived" });
  }

  async loadDeviceState(state: Uint8Array): Promise<void> {
    await this.ask({ kind: "device-state", state: state.slice() });
  }

  async run(): Promise<void> {
    this.running = true;
    await this.ask({ kind: "run" });
    if (this.fault === undefined) this.allArrived();
  }

  allArrived(): void {
    this.checkThread();
    this.ask({ kind: "whole" }).then(
      (stalls) => {
        this.settle(stalls as FaultStalls);
        this.end("the guest is whole");
      },
      () => this.settle(undefined),
    );
    this.memory = undefined;
  }

  /** A guest that waits for a page is woken, and stopped for good. */
  async abort(): Promise<void> {
    if (this.over !== undefined) return;
    this.memory?.stop();
    // Where the thread is gone, there is nothing to give up any more.
    await this.ask({ kind: "abort" }).catch(() => {});
    this.end("the guest was given up");
  }

  private expect(missing: PageBitmap, fault: (page: number) => void): void {
    const again = this.fault !== undefined;
    this.fault = fault;
    if (again) return;
    assert(!this.running, "pages are absent from before the guest runs");
    const memory = this.shadow("ram");
    for (let pfn = 0; pfn < memory.pages; pfn++) if (missing.has(pfn)) memory.expect(pfn);
  }

  private shadow(region: Region): ShadowMemory {
    this.checkThread();
    if (region !== "ram") {
      throw new PrecopyError("unsupported", `there is no ${region} here; move its RAM alone`);
    }
    assert(this.memory !== undefined, "pages come between prepare and the last of them");
    return this.memory;
  }

  /** Pages for a guest that is gone must not look as if they had arrived. */
  private checkThread(): void {
    if (this.over !== undefined) throw new PrecopyError("aborted", this.over);
  }

  private hear(message: FromGuest): void {
    if (message.kind === "fault") {
      // It may have come while that was said.
      if (this.memory?.isAbsent(message.page) === true) this.fault?.(message.page);
      return;
    }
    const pending = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (message.kind === "answer") pending?.resolve(message.value);
    else pending?.reject(errorOf(message.failure));
  }

  private ask(request: Request): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.over !== undefined) return reject(new PrecopyError("aborted", this.over));
      const id = this.nextId++;
      this.pending.set(id, { resolve, reject });
      this.post({ kind: "request", id, request });
    });
  }

  private post(message: ToGuest): void {
    this.port.postMessage(message, []);
  }

  private end(reason: string): void {
    if (this.over !== undefined) return;
    this.over = reason;
    this.silence();
    closePort(this.port);
    this.settle(undefined);
    for (const { reject } of this.pending.values()) reject(new PrecopyError("aborted", reason));
    this.pending.clear();
  }
}
