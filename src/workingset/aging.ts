/**
 * Aging: at every tick each page's counter is shifted right by one and the page's bit is put in at
 * the left; the pages with the largest counters are the working set (Tanenbaum, "Modern Operating
 * Systems", section 3.4.7, "Simulating LRU in Software").
 *
 *   tick        now  -1   -2   -3   -4   -5   -6   -7
 *   bitmap      h0   h1   h2   h3   h4   h5   h6   h7      a page's counter is its column: h0..h7
 *
 * The counters lie across eight bitmaps, one a tick, so a tick turns the ring and shifts nothing,
 * and the k largest counters are found by splitting sets, most significant bit first.
 */
import { durationParam } from "../base/params.js";
import { PageBitmap, U32Buffer } from "../kernels/index.js";
import { takeFirst } from "./page-lists.js";
import {
  type PredictorContext,
  type PredictorFactory,
  SAMPLING_PARAMS,
  type WorkingSetPredictor,
} from "./predictor.js";

const BITS = 8;
const CHUNK_PAGES = 1024;

class Aging implements WorkingSetPredictor {
  readonly evidence = "writes";
  readonly windowNs = 0;
  /** What was seen since the last tick; the next counter bit. */
  private readonly current: PageBitmap;
  private readonly ring: readonly PageBitmap[];
  private readonly group: PageBitmap;
  private readonly part: PageBitmap;
  private readonly chunk: U32Buffer;
  private newest = 0;

  constructor(
    { kernels, pages }: PredictorContext,
    readonly tickNs: number,
    readonly warmupTicks: number,
  ) {
    const create = (what: string) => PageBitmap.create(kernels, pages, `aging, ${what}`);
    this.current = create("since the last tick");
    this.ring = Array.from({ length: BITS }, (_, i) => create(`bit ${i}`));
    this.group = create("pages with the same counter so far");
    this.part = create("those of them with the next bit");
    this.chunk = U32Buffer.create(kernels, CHUNK_PAGES);
  }

  static arenaBytes(pages: number): number {
    return (BITS + 3) * PageBitmap.bytesFor(pages) + U32Buffer.bytesFor(CHUNK_PAGES);
  }

  observe(used: PageBitmap): void {
    this.current.or(used);
  }

  tick(): void {
    this.newest = (this.newest + BITS - 1) % BITS;
    this.current.harvestInto(this.ring[this.newest] as PageBitmap);
  }

  select(pagesMax: number, _virtualNs: number, out: PageBitmap): number {
    const { group, part } = this;
    out.reset();
    group.fill();
    let room = pagesMax;
    let isOpen = false;
    // What was seen since the last tick is newer than every tick: the most significant bit of all.
    for (let bit = -1; bit < BITS && room > 0; bit++) {
      const history = bit < 0 ? this.current : this.ringAt(bit);
      const set = part.assignAnd(group, history);
      if (set <= room) {
        // All of them are larger than the rest of the group.
        out.or(part);
        room -= set;
        group.andNot(history);
      } else {
        group.copyFrom(part);
        isOpen = true;
      }
    }
    // Counters that are equal to the last bit; a counter of 0 is no reason to hold a page.
    if (isOpen && room > 0) room -= takeFirst(group, room, this.chunk, out);
    return pagesMax - room;
  }

  describe(): Record<string, number> {
    return {};
  }

  private ringAt(bit: number): PageBitmap {
    return this.ring[(this.newest + bit) % BITS] as PageBitmap;
  }
}

export const aging: PredictorFactory = {
  name: "aging",
  summary: "counters of eight ticks, shifted at each; the largest are the working set",
  source: "Tanenbaum, Modern Operating Systems, section 3.4.7",
  params: SAMPLING_PARAMS,
  evidence: () => "writes",
  arenaBytes: Aging.arenaBytes,
  create: (context, params) =>
    new Aging(context, durationParam(params, "tick"), params.warmup as number),
};
