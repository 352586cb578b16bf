/**
 * What a target makes for one arriving guest: an empty machine for it, room to decode its pages, and
 * in post-copy the list of pages that are still absent.
 */
import { Kernels, type KernelsOptions, PageBitmap, U32Buffer } from "../kernels/index.js";
import type { MachineDescription, TargetMachine } from "../migrate/ports.js";
import {
  equalInConstantTime,
  type PagesMessage,
  type PrepareMessage,
  type WireCrypto,
} from "../wire/index.js";
import type { Compressors } from "./live-codecs.js";
import { MemoryDigest } from "./memory-digest.js";
import { PageWriter } from "./page-writer.js";

/** A machine whose guest may run while pages are absent (post-copy). */
export interface FaultingMachine {
  /**
   * From `run` on, an access to one of these pages waits until it has been written; `fault` is
   * called once for each page that is waited for. May be called again for the same pages after a
   * broken connection, to hear the faults that still wait.
   */
  expectPages(missing: PageBitmap, fault: (page: number) => void): void;
  /** Nothing is missing any more. */
  allArrived(): void;
}

export type ArrivalMachine = TargetMachine<Uint8Array> &
  Partial<FaultingMachine> & {
    /** Gives back all that it holds; it was made for one guest, which did not come. */
    destroy?(): void | Promise<void>;
  };

export interface ArrivalRoomOptions {
  readonly crypto: WireCrypto;
  /** An empty machine for this guest; throws a PrecopyError that says why there is none. */
  createMachine(guest: MachineDescription): Promise<ArrivalMachine>;
  readonly compressors?: Compressors;
  readonly kernels?: Omit<KernelsOptions, "arenaBytes">;
}

const ARENA_SLACK_BYTES = 65_536;

export class ArrivalRoom {
  readonly missing: PageBitmap;
  private readonly writer: PageWriter;
  private readonly digest: MemoryDigest;
  private readonly list: U32Buffer;

  static async make(
    { guest, codecs }: PrepareMessage,
    options: ArrivalRoomOptions,
  ): Promise<ArrivalRoom> {
    const { pages } = guest;
    const arenaBytes =
      PageWriter.arenaBytes() +
      MemoryDigest.arenaBytes +
      PageBitmap.bytesFor(pages) +
      U32Buffer.bytesFor(pages + 2) +
      ARENA_SLACK_BYTES;
    const kernels = await Kernels.load({ ...options.kernels, arenaBytes });
    const machine = await options.createMachine(guest);
    return new ArrivalRoom(guest, machine, kernels, { ...options, codecs });
  }

  private constructor(
    readonly guest: MachineDescription,
    readonly machine: ArrivalMachine,
    kernels: Kernels,
    private readonly options: ArrivalRoomOptions & { readonly codecs: string },
  ) {
    const { pages } = guest;
    const { codecs, compressors = {} } = options;
    this.writer = new PageWriter({ kernels, machine, pages, codecs, compressors });
    this.digest = new MemoryDigest(kernels);
    this.missing = PageBitmap.create(kernels, pages, "absent pages");
    this.list = U32Buffer.create(kernels, pages + 2, "runs of absent pages");
  }

  /** Pages compared with their checks as they arrived. */
  get checkedPages(): number {
    return this.writer.checkedPages;
  }

  /** Reserves the guest's memory and tries its device state; returns why there is no room for it. */
  async prepare({ guest, postCopy, deviceState }: PrepareMessage): Promise<string | undefined> {
    const { machine } = this;
    const refusal = await machine.prepare(guest);
    if (refusal !== undefined) return refusal;
    if (postCopy && machine.expectPages === undefined) {
      return `the machine here cannot run ${guest.name} while pages are absent: take a strategy without post-copy`;
    }
    if (deviceState !== undefined) await machine.loadDeviceState(deviceState);
    return undefined;
  }

  /** `residual`: the guest runs, and only what is absent still may be written. */
  async apply(message: PagesMessage, residual: boolean): Promise<void> {
    await this.writer.apply(message, residual ? this.missing : undefined);
    if (this.missing.isEmpty()) return;
    this.list.set(message.pages);
    this.missing.clearBatch(this.list);
  }

  want(digests: Uint8Array): Promise<Uint8Array> | undefined {
    return this.writer.want(digests);
  }

  /** Start and length of each run. */
  noteAbsent(runs: Uint32Array): void {
    const pages: number[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      for (let k = 0; k < (runs[i + 1] as number); k++) pages.push((runs[i] as number) + k);
    }
    this.list.set(pages);
    this.missing.setBatch(this.list);
  }

  /** Start and length of each run of absent pages. */
  absentRuns(): Uint32Array {
    this.missing.runs(this.list);
    return startsAndLengths(this.list.view());
  }

  /** Whether all of memory has this digest. */
  hasDigest(digest: Uint8Array): boolean {
    const here = this.digest.of(this.machine, this.guest.pages, this.options.crypto);
    return equalInConstantTime(here, digest);
  }

  async free(): Promise<void> {
    await this.machine.abort();
    await this.machine.destroy?.();
  }
}

/** Runs as first and end (exclusive) to start and length, as the wire has them. */
export function startsAndLengths(runs: Uint32Array): Uint32Array {
  const out = runs.slice();
  for (let i = 1; i < out.length; i += 2) out[i] = (out[i] as number) - (out[i - 1] as number);
  return out;
}
