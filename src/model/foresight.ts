/**
 * What the oracle is told: the pages that a guest will write within a window, those first that it
 * will write in the most parts of it. A page written once is hardly worth holding back; one that
 * is written all along would be sent again and again.
 */
import type { GuestActivity } from "../guest/activity.js";
import { type Kernels, PageBitmap, U32Buffer } from "../kernels/index.js";
import { takeFirst } from "../workingset/page-lists.js";

const PARTS = 8;
const CHUNK_PAGES = 1024;

export class Foresight {
  private readonly parts: readonly PageBitmap[];
  /** levels[k]: pages written in more than k parts. */
  private readonly levels: readonly PageBitmap[];
  private readonly both: PageBitmap;
  private readonly chunk: U32Buffer;

  constructor(kernels: Kernels, pages: number) {
    const bitmaps = (what: string) =>
      Array.from({ length: PARTS }, () => PageBitmap.create(kernels, pages, what));
    this.parts = bitmaps("foresight, a part");
    this.levels = bitmaps("foresight, a level");
    this.both = PageBitmap.create(kernels, pages, "foresight");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
  }

  static arenaBytes(pages: number): number {
    return (2 * PARTS + 1) * PageBitmap.bytesFor(pages) + CHUNK_PAGES * 4 + 256;
  }

  /** Puts at most `pagesMax` pages into `out` and returns how many. */
  soonest(
    look: { activity: GuestActivity; from: number; windowNs: number; pagesMax: number },
    out: PageBitmap,
  ): number {
    const { activity, from, windowNs, pagesMax } = look;
    for (const bitmap of [...this.parts, ...this.levels]) bitmap.reset();
    activity.lookAhead(this.parts, from, from + Math.round(windowNs));
    for (const part of this.parts) this.count(part);
    let fits = this.levels.findIndex((level) => level.count() <= pagesMax);
    if (fits < 0) fits = PARTS;
    out.reset();
    let kept = fits < PARTS ? out.or(this.levels[fits] as PageBitmap) : 0;
    if (fits > 0 && kept < pagesMax) kept += this.fill(fits, pagesMax - kept, out);
    return kept;
  }

  private count(part: PageBitmap): void {
    for (let k = PARTS - 1; k > 0; k--) {
      this.both.assignAnd(this.levels[k - 1] as PageBitmap, part);
      (this.levels[k] as PageBitmap).or(this.both);
    }
    (this.levels[0] as PageBitmap).or(part);
  }

  /** The next level does not fit whole: as much of it as does, in page order. */
  private fill(fits: number, room: number, out: PageBitmap): number {
    const rest = this.both;
    rest.copyFrom(this.levels[fits - 1] as PageBitmap);
    rest.andNot(out);
    return takeFirst(rest, room, this.chunk, out);
  }
}
