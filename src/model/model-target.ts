/**
 * The receiving side of a modelled migration: memory reserved on the target's host, and what has
 * arrived in it. A version number stands for the contents of a page.
 */
import { assert } from "../base/assert.js";
import { type Kernels, PageVersions, type U32Buffer } from "../kernels/index.js";
import type { Region } from "../migrate/messages.js";
import type { MachineDescription, TargetMachine } from "../migrate/ports.js";
import { NO_BRAKE } from "../policy/throttle.js";
import { checkDeviceState } from "./model-device-state.js";
import type { ModelGuest } from "./model-guest.js";
import type { XenHost } from "./xen-host.js";

/** What has to be as it is where the guest comes from. */
const MUST_EQUAL = ["kind", "version", "devices", "pages", "pageSizeBytes", "vcpus"] as const;

/** No page has this version: versions count up from 0. */
const NEVER_SENT = 0xffff_ffff;

export interface ModelTargetOptions {
  readonly kernels: Kernels;
  /** The guest as it is on the source; it goes on here when the target runs. */
  readonly guest: ModelGuest;
  readonly source: XenHost;
  readonly target: XenHost;
  /** Blocks of the disk that moves along; 0 for none. */
  readonly diskBlocks: number;
}

export class ModelTarget implements TargetMachine<U32Buffer> {
  readonly memory: PageVersions;
  readonly disk: PageVersions | undefined;
  /** What it is made for. */
  private readonly guest: MachineDescription;

  constructor(private readonly options: ModelTargetOptions) {
    this.guest = options.guest.describe();
    this.memory = PageVersions.create(options.kernels, this.guest.pages);
    this.memory.fill(NEVER_SENT);
    if (options.diskBlocks === 0) return;
    this.disk = PageVersions.create(options.kernels, options.diskBlocks, "disk");
    this.disk.fill(NEVER_SENT);
  }

  static arenaBytes(pages: number, diskBlocks: number): number {
    return PageVersions.bytesFor(pages) + PageVersions.bytesFor(diskBlocks);
  }

  /** What has arrived of a region. */
  memoryOf(region: Region): PageVersions {
    if (region === "ram") return this.memory;
    const { disk } = this;
    assert(
      disk !== undefined && region === "disk:0",
      `${this.guest.name} has the region ${region}`,
    );
    return disk;
  }

  prepare(guest: MachineDescription): string | undefined {
    const { name, pages } = guest;
    for (const what of MUST_EQUAL) {
      if (guest[what] === this.guest[what]) continue;
      return `${name} has ${what} "${guest[what]}", and what is built for it "${this.guest[what]}"`;
    }
    const { spec, memory } = this.options.target;
    if (memory.reserve(name, pages)) return undefined;
    return `${spec.name} has ${memory.freePages} free pages of the ${pages} that ${name} needs`;
  }

  readPages(region: Region, pages: U32Buffer, into: U32Buffer): void {
    this.memoryOf(region).gather(pages, into);
  }

  writePages(region: Region, pages: U32Buffer, contents: U32Buffer): void {
    this.memoryOf(region).scatter(pages, contents);
  }

  loadDeviceState(state: Uint8Array): void {
    checkDeviceState(this.options.guest, state);
  }

  run(): void {
    const { guest, source, target } = this.options;
    const there = source.domain(this.guest.name);
    guest.disableLogDirty();
    guest.setBrake(NO_BRAKE);
    guest.resume();
    target.add(there.spec, guest, there.cpuTimeNs);
  }

  abort(): void {
    const { memory } = this.options.target;
    const { name } = this.guest;
    if (memory.has(name)) memory.release(name);
    this.memory.fill(NEVER_SENT);
    this.disk?.fill(NEVER_SENT);
  }
}
