/**
 * The giving side of a modelled migration: a guest on its host, as a driver's port sees it. The
 * guest knows its memory and its own time; whether it runs and how fast is its host's to say.
 */
import { assert } from "../base/assert.js";
import type { GuestPages, PageBitmap, U32Buffer } from "../kernels/index.js";
import type { CommandOf, Region } from "../migrate/messages.js";
import type { MachineDescription, SourceMachine } from "../migrate/ports.js";
import type { Brake } from "../policy/throttle.js";
import { deviceStateOf } from "./model-device-state.js";
import type { ModelDisk } from "./model-disk.js";
import type { ModelGuest } from "./model-guest.js";
import type { XenHost } from "./xen-host.js";

export interface ModelSourceOptions {
  readonly guest: ModelGuest;
  readonly host: XenHost;
}

export class ModelSource implements SourceMachine<U32Buffer> {
  private readonly guest: ModelGuest;
  private readonly host: XenHost;
  private readonly name: string;

  constructor({ guest, host }: ModelSourceOptions) {
    this.guest = guest;
    this.host = host;
    this.name = guest.describe().name;
  }

  describe(): MachineDescription {
    return this.guest.describe();
  }

  enableLogDirty(): void {
    this.guest.enableLogDirty();
  }

  disableLogDirty(): void {
    this.guest.disableLogDirty();
  }

  harvest(region: Region, into: PageBitmap): number {
    if (region === "ram") return this.guest.harvest(region, into);
    return this.disk(region).harvest(into);
  }

  peek(region: Region, pages: U32Buffer, mask: U32Buffer): void {
    this.pagesOf(region).dirty.maskOf(pages, mask);
  }

  sample(command: CommandOf<"sample">): number {
    return this.guest.sample(command);
  }

  readPages(region: Region, pages: U32Buffer, into: U32Buffer): void {
    this.pagesOf(region).gather(pages, into);
  }

  virtualNs(): number {
    return this.guest.virtualNs();
  }

  setBrake(brake: Brake): void {
    this.host.setBrake(this.name, brake);
  }

  pause(): void {
    this.guest.pause();
    this.host.setPaused(this.name, true);
  }

  resume(): void {
    this.host.setPaused(this.name, false);
    this.guest.resume();
  }

  deviceState(): Uint8Array {
    assert(!this.guest.running, "device state is that of a guest that is paused");
    return deviceStateOf(this.guest);
  }

  release(): void {
    this.host.remove(this.name);
  }

  private pagesOf(region: Region): GuestPages {
    return region === "ram" ? this.guest.pages : this.disk(region).blocks;
  }

  private disk(region: Region): ModelDisk {
    const { disk } = this.guest;
    assert(disk !== undefined && region === "disk:0", `${this.name} has the region ${region}`);
    return disk;
  }
}
