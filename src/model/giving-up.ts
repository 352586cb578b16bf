/**
 * Which pages a guest gives up when a balloon inflates in it: those that hold nothing first, then
 * the ones used longest ago, as the reclaim of an operating system finds them. Age is the time of
 * last use, exactly (Denning's working set turned round: what is not in W(t, tau)).
 */
import { ContentProfile } from "../guest/content-profile.js";
import { INCOMPRESSIBLE } from "../guest/content-profiles.js";
import {
  exactWorkingSet,
  type GuestPages,
  type Kernels,
  PageBitmap,
  U32Buffer,
} from "../kernels/index.js";
import { takeFirst } from "../workingset/page-lists.js";
import type { DomainSpec } from "./spec.js";

const CHUNK_PAGES = 1024;
const TICKS_MAX = 2 ** 30 - 1;

/** What is asked of the guest. */
export interface GiveUp {
  readonly pages: number;
  /** So many of them are free. */
  readonly freePages: number;
  /** Pages that were given up before, or are missing for another reason. */
  readonly gone: PageBitmap;
  readonly nowTicks: number;
}

export class GivingUp {
  /** Pages given up that held nothing; the others come back from the guest's disk. */
  readonly empty: PageBitmap;
  private readonly rest: PageBitmap;
  private readonly candidates: PageBitmap;
  private readonly idle: PageBitmap;
  private readonly used: PageBitmap;
  private readonly chunk: U32Buffer;
  private readonly profile: ContentProfile;

  /** `seed`: of what the pages hold. */
  constructor(kernels: Kernels, { pages, content = INCOMPRESSIBLE }: DomainSpec, seed: number) {
    this.profile = new ContentProfile(content, seed);
    this.empty = PageBitmap.create(kernels, pages, "given up, empty");
    this.rest = PageBitmap.create(kernels, pages, "giving up, rest");
    this.candidates = PageBitmap.create(kernels, pages, "giving up, candidates");
    this.idle = PageBitmap.create(kernels, pages, "giving up, idle");
    this.used = PageBitmap.create(kernels, pages, "giving up, used");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
  }

  static arenaBytes(pages: number): number {
    return 5 * PageBitmap.bytesFor(pages) + U32Buffer.bytesFor(CHUNK_PAGES);
  }

  /** Puts so many pages that are here into `given`; those that held nothing into {@link empty}. */
  choose(guest: GuestPages, want: GiveUp, given: PageBitmap): number {
    const { rest, candidates, empty, profile } = this;
    given.reset();
    rest.fill();
    empty.and(want.gone);
    rest.andNot(want.gone);
    candidates.reset();
    const free = Math.min(want.pages, want.freePages);
    for (let page = rest.nextSet(0); page >= 0 && free > 0; page = rest.nextSet(page + 1)) {
      if (profile.isZero(page, guest.version(page))) candidates.set(page);
    }
    let taken = this.takeOldest(guest, want.nowTicks, free, given);
    candidates.copyFrom(rest);
    candidates.andNot(given);
    taken += this.takeOldest(guest, want.nowTicks, free - taken, given);
    empty.or(given);
    candidates.andNot(given);
    return taken + this.takeOldest(guest, want.nowTicks, want.pages - taken, given);
  }

  /** Of the candidates those used longest ago; of equally old ones the lowest. */
  private takeOldest(guest: GuestPages, nowTicks: number, pages: number, out: PageBitmap): number {
    if (pages <= 0) return 0;
    const { candidates, idle } = this;
    let fits = TICKS_MAX;
    let tooMany = -1;
    while (fits - tooMany > 1) {
      const middle = Math.floor((fits + tooMany) / 2);
      if (this.idleFor(guest, nowTicks, middle) <= pages) fits = middle;
      else tooMany = middle;
    }
    let taken = this.idleFor(guest, nowTicks, fits);
    if (taken > pages) taken = 0;
    else out.or(idle);
    if (taken === pages) return taken;
    if (tooMany < 0) idle.copyFrom(candidates);
    else this.idleFor(guest, nowTicks, tooMany);
    idle.andNot(out);
    return taken + takeFirst(idle, pages - taken, this.chunk, out);
  }

  /** idle := candidates not used in the last `ticks`; returns how many. */
  private idleFor(guest: GuestPages, nowTicks: number, ticks: number): number {
    exactWorkingSet(guest, nowTicks, ticks, this.used);
    return this.idle.assignAndNot(this.candidates, this.used);
  }
}
