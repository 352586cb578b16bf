/**
 * XBZRLE: a page that the target has in an older version goes as the delta to it (Svärd et al., VEE
 * 2011; QEMU migration/xbzrle.c, and save_xbzrle_page in migration/ram.c). The first round only sends;
 * the second fills the cache, so that deltas begin in the third; a page equal to its cached copy is not
 * sent at all; a delta longer than a page goes whole, and the cache has the page all the same; the
 * last stage takes nothing in.
 *
 * Record: header, 1 byte (1 = XBZRLE), big-endian u16 length, delta. Kernel: assembly/xbzrle.ts.
 */
import { PrecopyError } from "../base/errors.js";
import { durationParam } from "../base/params.js";
import { type ContentProfile, DELTA_OVERFLOW } from "../guest/content-profile.js";
import { type Kernels, type Pointer, Xbzrle } from "../kernels/index.js";
import {
  type BatchCost,
  type CodecFactory,
  type CodecStage,
  checkPageSize,
  PAGE_BYTES,
  type StageBatch,
} from "./codec.js";
import { FLAG_XBZRLE, type FrameReader, type FrameWriter } from "./frame.js";
import type { PageBatch, StageEncoder } from "./stage.js";
import { XbzrleCache } from "./xbzrle-cache.js";

const ENCODING_FLAG_XBZRLE = 1;
const PREFIX_BYTES = 3;
const MIB = 2 ** 20;

export const xbzrle: CodecFactory = {
  name: "xbzrle",
  summary: "the delta to the version that the target has",
  source: "Svärd et al., VEE 2011; QEMU migration/xbzrle.c, page_cache.c, ram.c",
  params: {
    // QEMU migration/options.c: xbzrle-cache-size, 64 MiB.
    cache: { kind: "size", default: 64 * MIB, min: MIB, max: 32_768 * MIB, help: "a power of two" },
    cpu: {
      kind: "duration",
      default: 700,
      help: "time a cached page (bench: XBZRLE, 0.2 to 1.3 us)",
    },
  },
  takesAll: false,
  createModel: ({ profile, pageSizeBytes }, params) => {
    checkPageSize("xbzrle", pageSizeBytes);
    const places = cachePlaces(params.cache as number);
    return new XbzrleModel(profile, places, durationParam(params, "cpu"));
  },
};

/** Places of a cache of so many bytes. */
function cachePlaces(bytes: number): number {
  const places = bytes / PAGE_BYTES;
  if (Number.isInteger(places) && places >= 1 && (places & (places - 1)) === 0) return places;
  throw new PrecopyError(
    "bad-input",
    `the XBZRLE cache has ${bytes} bytes and has to be a power of two from ${PAGE_BYTES}`,
  );
}

class XbzrleModel implements CodecStage {
  private readonly cache: XbzrleCache;
  private readonly cachedVersions: Uint32Array;
  private isStarted = false;
  private isLastStage = false;
  private misses = 0;
  private unchanged = 0;
  private overflows = 0;
  private deltas = 0;
  private deltaBytes = 0;

  constructor(
    private readonly profile: ContentProfile,
    places: number,
    private readonly cpuNs: number,
  ) {
    this.cache = new XbzrleCache(places);
    this.cachedVersions = new Uint32Array(places);
  }

  take({ pages, versions, open }: StageBatch, cost: BatchCost): void {
    if (!this.isStarted) return;
    for (let i = 0; i < pages.length; i++) {
      const page = pages[i] as number;
      const version = versions[i] as number;
      // What went before (zero, equal to another page) replaces the copy, or it would be stale.
      if (open[i] === 0) this.insert(page, version);
      else if (this.takePage(page, version, cost)) open[i] = 0;
    }
  }

  roundEnded(): void {
    this.isStarted = true;
    this.cache.nextGeneration();
  }

  lastStage(): void {
    this.isLastStage = true;
  }

  describe(): Record<string, number> {
    const { misses, unchanged, overflows, deltas, deltaBytes } = this;
    const hits = unchanged + overflows + deltas;
    return {
      misses,
      unchanged,
      overflows,
      deltas,
      hitRate: hits + misses === 0 ? 0 : hits / (hits + misses),
      meanDeltaBytes: deltas === 0 ? 0 : deltaBytes / deltas,
      savedBytes: (unchanged + deltas) * PAGE_BYTES - deltaBytes - deltas * PREFIX_BYTES,
    };
  }

  private takePage(page: number, version: number, cost: BatchCost): boolean {
    if (!this.cache.hit(page)) {
      this.misses++;
      if (!this.isLastStage) this.insert(page, version);
      return false;
    }
    const place = this.cache.placeOf(page);
    cost.cpuNs += this.cpuNs;
    const bytes = this.profile.deltaBytes(page, this.cachedVersions[place] as number, version);
    if (bytes === 0) {
      this.unchanged++;
      cost.unchangedPages++;
      return true;
    }
    if (!this.isLastStage) this.cachedVersions[place] = version;
    if (bytes >= DELTA_OVERFLOW) {
      this.overflows++;
      return false;
    }
    this.deltas++;
    this.deltaBytes += bytes;
    cost.headerPages++;
    cost.bodyBytes += PREFIX_BYTES + bytes;
    return true;
  }

  private insert(page: number, version: number): void {
    if (this.cache.insert(page)) this.cachedVersions[this.cache.placeOf(page)] = version;
  }
}

export class XbzrleEncoder implements StageEncoder {
  private readonly cache: XbzrleCache;
  private readonly xbzrle: Xbzrle;
  private readonly delta: Pointer;
  private readonly copies: Pointer;
  private isStarted = false;
  private isLastStage = false;

  /** Arena bytes of an encoder with a cache of so many bytes. */
  static arenaBytes(cacheBytes: number): number {
    return cacheBytes + PAGE_BYTES;
  }

  constructor(
    private readonly kernels: Kernels,
    cacheBytes: number,
  ) {
    this.cache = new XbzrleCache(cachePlaces(cacheBytes));
    this.xbzrle = new Xbzrle(kernels);
    this.delta = kernels.allocate(PAGE_BYTES, "XBZRLE delta");
    this.copies = kernels.allocate(cacheBytes, "XBZRLE cache");
  }

  encode({ pages, open, ptr, pageAt }: PageBatch, writer: FrameWriter): void {
    if (!this.isStarted) return;
    for (let i = 0; i < pages.length; i++) {
      const page = pages[i] as number;
      if (open[i] === 0) this.insert(page, pageAt(i));
      else if (this.takePage(page, ptr + i * PAGE_BYTES, pageAt(i), writer)) open[i] = 0;
    }
  }

  roundEnded(): void {
    this.isStarted = true;
    this.cache.nextGeneration();
  }

  lastStage(): void {
    this.isLastStage = true;
  }

  private takePage(page: number, ptr: Pointer, bytes: Uint8Array, writer: FrameWriter): boolean {
    if (!this.cache.hit(page)) {
      if (!this.isLastStage) this.insert(page, bytes);
      return false;
    }
    const copy = this.copies + this.cache.placeOf(page) * PAGE_BYTES;
    const length = this.xbzrle.encode(copy, ptr, this.delta);
    if (length !== 0 && !this.isLastStage) this.kernels.bytes(copy, PAGE_BYTES).set(bytes);
    if (length > 0) {
      writer.header(page, FLAG_XBZRLE);
      writer.u8(ENCODING_FLAG_XBZRLE);
      writer.be16(length);
      writer.bytes(this.kernels.bytes(this.delta, length));
    }
    return length >= 0;
  }

  private insert(page: number, bytes: Uint8Array): void {
    if (!this.cache.insert(page)) return;
    const copy = this.copies + this.cache.placeOf(page) * PAGE_BYTES;
    this.kernels.bytes(copy, PAGE_BYTES).set(bytes);
  }
}

/** Reads the body of a record and applies the delta to the page in the arena. */
export class XbzrleDecoder {
  private readonly xbzrle: Xbzrle;
  private readonly delta: Pointer;

  static readonly arenaBytes = PAGE_BYTES;

  constructor(private readonly kernels: Kernels) {
    this.xbzrle = new Xbzrle(kernels);
    this.delta = kernels.allocate(PAGE_BYTES, "XBZRLE delta");
  }

  /** `page` holds the version that the target has. */
  decode(reader: FrameReader, page: Pointer): void {
    const encoding = reader.u8("an encoding");
    if (encoding !== ENCODING_FLAG_XBZRLE) {
      throw reader.malformed(`encoding ${encoding} is not XBZRLE (${ENCODING_FLAG_XBZRLE})`);
    }
    const length = reader.be16("a delta's length");
    if (length === 0 || length > PAGE_BYTES) {
      throw reader.malformed(`a delta of ${length} bytes, from 1 to ${PAGE_BYTES}`);
    }
    this.kernels.bytes(this.delta, length).set(reader.take(length, "a delta"));
    if (!this.xbzrle.decode(this.delta, length, page)) {
      throw reader.malformed("the run lengths of a delta do not fit its bytes or the page");
    }
  }
}
