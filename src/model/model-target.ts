/**
 * The receiving side of a modelled migration: memory reserved on the target's host, and what has
 * arrived in it. A version number stands for the contents of a page.
 */
import { type Kernels, PageVersions, type U32Buffer } from "../kernels/index.js";
import type { Region } from "../migrate/messages.js";
import type { MachineDescription, TargetMachine } from "../migrate/ports.js";
import { NO_BRAKE } from "../policy/throttle.js";
import type { ModelGuest } from "./model-guest.js";
import type { XenHost } from "./xen-host.js";

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

export class ModelTarget
  implements Pick<TargetMachine<U32Buffer>, "prepare" | "writePages" | "run" | "abort">
{
  readonly memory: PageVersions;
  readonly disk: PageVersions | undefined;
  private readonly name: string;

  constructor(private readonly options: ModelTargetOptions) {
    const { name, pages } = options.guest.describe();
    this.name = name;
    this.memory = PageVersions.create(options.kernels, pages);
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
    return region === "ram" ? this.memory : (this.disk as PageVersions);
  }

  prepare({ name, pages }: MachineDescription): string | undefined {
    const { spec, memory } = this.options.target;
    if (memory.reserve(name, pages)) return undefined;
    return `${spec.name} has ${memory.freePages} free pages of the ${pages} that ${name} needs`;
  }

  writePages(region: Region, pages: U32Buffer, contents: U32Buffer): void {
    this.memoryOf(region).scatter(pages, contents);
  }

  run(): void {
    const { guest, source, target } = this.options;
    const there = source.domain(this.name);
    guest.disableLogDirty();
    guest.setBrake(NO_BRAKE);
    guest.resume();
    target.add(there.spec, guest, there.cpuTimeNs);
  }

  abort(): void {
    const { memory } = this.options.target;
    if (memory.has(this.name)) memory.release(this.name);
  }
}
