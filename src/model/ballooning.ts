/**
 * The driver's part in ballooning: the guest gives pages up in the initialisation stage, the target
 * hears of it, and after the switch the guest is watched for a while longer, because what it uses
 * again of these pages it waits for there.
 */
import { type Kernels, U32Buffer } from "../kernels/index.js";
import type { MigrationChecker } from "../migrate/checker.js";
import type { CommandOf, MigrationEvent } from "../migrate/messages.js";
import type { Reclaiming } from "../migrate/reclaiming.js";
import type { Standing } from "./hand-over.js";
import type { DriverOptions } from "./migration-driver.js";
import type { ReclaimReport } from "./migration-result.js";
import type { ModelTarget } from "./model-target.js";

const CHUNK_PAGES = 1024;
/** How often it is looked whether every page is back. */
const LOOK_NS = 100_000_000;

export interface BallooningParts {
  readonly kernels: Kernels;
  readonly options: DriverOptions;
  readonly reclaiming: Reclaiming;
  readonly received: ModelTarget;
  readonly checker: MigrationChecker;
  feed(event: MigrationEvent): void;
}

export class Ballooning {
  private readonly pages: U32Buffer;
  private readonly versions: U32Buffer;
  private emptyPages = 0;

  constructor(private readonly parts: BallooningParts) {
    this.pages = U32Buffer.create(parts.kernels, CHUNK_PAGES, "pages given up");
    this.versions = U32Buffer.create(parts.kernels, CHUNK_PAGES, "their versions");
  }

  static arenaBytes(): number {
    return 2 * U32Buffer.bytesFor(CHUNK_PAGES);
  }

  inflate({ id, pages, into }: CommandOf<"balloon">, nowNs: number): void {
    const { guest, source, engine } = this.parts.options;
    const { pagesPerSec, refault } = this.parts.reclaiming.reclaim;
    guest.refaultNs = refault.diskNs;
    guest.emptyRefaultNs = refault.emptyNs;
    this.later(nowNs + Math.round((pages / pagesPerSec) * 1e9), (atNs) => {
      if (engine.ended) return;
      source.advanceTo(atNs);
      const count = guest.giveUp(pages, engine.config.freePages, into);
      this.emptyPages = guest.emptyPagesAway();
      const virtualNs = guest.virtualNs();
      this.parts.feed({ kind: "harvested", id, atNs, count, virtualNs });
    });
  }

  /**
   * The target has nothing for these pages, as the source has: that is written as the version that
   * they had when they were given up. One that the guest took back meanwhile is not among them.
   */
  tell({ pages: told }: CommandOf<"tell-empty">, nowNs: number): void {
    const { received, checker, options } = this.parts;
    const { guest, source } = options;
    source.advanceTo(nowNs);
    let from = 0;
    while (told.nextPages(this.pages, from, CHUNK_PAGES) > 0) {
      from = (this.pages.view()[this.pages.length - 1] as number) + 1;
      this.pages.set(this.pages.view().filter((page) => guest.pages.absent?.has(page)));
      guest.pages.gather(this.pages, this.versions);
      received.writePages("ram", this.pages, this.versions);
      checker.emptied(this.pages);
    }
  }

  /** Watches the guest where it runs until its pages are back, or the window is over. */
  watch(fromNs: number, nowNs: number, settle: (nowNs: number) => void): void {
    const { guest, target } = this.parts.options;
    const untilNs = fromNs + this.parts.reclaiming.reclaim.refault.windowNs;
    target.advanceTo(nowNs);
    if (nowNs >= untilNs || guest.pagesAway() === 0) return settle(nowNs);
    const nextNs = Math.min(untilNs, nowNs + LOOK_NS);
    this.later(nextNs, (atNs) => this.watch(fromNs, atNs, settle));
  }

  report(at: { begun: Standing; stood: Standing; settled: Standing }): ReclaimReport {
    const { begun, stood, settled } = at;
    const { guest } = this.parts.options;
    return {
      balloonedPages: this.parts.reclaiming.givenPages,
      emptyPages: this.emptyPages,
      refaultsBefore: stood.refaults - begun.refaults,
      refaultStallBeforeNs: stood.refaultStallNs - begun.refaultStallNs,
      refaultsAfter: settled.refaults - stood.refaults,
      refaultStallAfterNs: settled.refaultStallNs - stood.refaultStallNs,
      worstRefaultNs: guest.stalls?.local.worstNs ?? 0,
      pagesAway: guest.pagesAway(),
    };
  }

  private later(atNs: number, run: (nowNs: number) => void): void {
    this.parts.options.world.queue.schedule(atNs, run);
  }
}
