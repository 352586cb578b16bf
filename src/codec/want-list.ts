/**
 * The target's side of hash-based elimination (hash-dedup.ts): looks announced digests up among its
 * pages, answers which contents it lacks, and keeps copies of the others until the frame that belongs
 * to the answer has come whole.
 */
import type { PrecopyError } from "../base/errors.js";
import { type Kernels, PageContents, type Pointer } from "../kernels/index.js";
import { PAGE_BYTES } from "./codec.js";
import { DigestIndex } from "./digest-index.js";
import { FLAG_DIGEST, FrameReader } from "./frame.js";
import { type CollisionPolicy, STRONG_BYTES, sha256, WEAK_BYTES } from "./hash-dedup.js";
import { PIPELINE_PAGES_MAX } from "./stage.js";

/** An announced page. */
interface Announced {
  readonly page: number;
  readonly low: number;
  readonly high: number;
  readonly strong: Uint8Array | undefined;
  /** Where its content comes from: the wire, a copy taken when it was announced, or another page of
   * the window that comes by wire. */
  readonly from: "wire" | "copy" | Announced;
  /** Of a copy: its place in the arena. */
  readonly place: number;
}

/** What the decoder of frames offers. */
export interface Staging {
  /** Where the page was staged from the frame, or -1. */
  staged(page: number): Pointer;
  /** Room for one more page. */
  stage(page: number): Pointer;
  /** What the target has now. */
  read(page: number): Uint8Array;
}

export class HashDedupDecoder {
  private readonly contents: PageContents;
  private readonly index: DigestIndex;
  private readonly copies: Pointer;
  private readonly scratch: Pointer;
  private window: Announced[] = [];

  static readonly arenaBytes = (PIPELINE_PAGES_MAX + 1) * PAGE_BYTES;

  constructor(
    private readonly kernels: Kernels,
    private readonly pages: number,
    private readonly read: (page: number) => Uint8Array,
    private readonly policy: CollisionPolicy = "verify",
  ) {
    this.contents = new PageContents(kernels);
    this.index = new DigestIndex(pages);
    this.copies = kernels.allocate(PIPELINE_PAGES_MAX * PAGE_BYTES, "copies of pages");
    this.scratch = kernels.allocate(PAGE_BYTES, "a page to hash");
  }

  /** Reads the digests of a window and answers with one bit a page: 1, it is wanted. */
  async want(message: Uint8Array): Promise<Uint8Array> {
    this.window = [];
    const window: Announced[] = [];
    const firsts = new Map<bigint, Announced>();
    const seen = new Set<number>();
    const reader = new FrameReader(message, this.pages);
    while (reader.next()) {
      const { page, flag } = reader;
      if (flag !== FLAG_DIGEST) throw reader.malformed(`flag ${flag} is not a digest's`);
      if (seen.has(page)) throw reader.malformed(`page ${page} is announced twice`);
      if (window.length === PIPELINE_PAGES_MAX) {
        throw reader.malformed(`more than ${PIPELINE_PAGES_MAX} digests`);
      }
      seen.add(page);
      const weak = new DataView(reader.take(WEAK_BYTES, "a digest").slice().buffer);
      const strong =
        this.policy === "verify" ? reader.take(STRONG_BYTES, "a SHA-256").slice() : undefined;
      const low = weak.getUint32(0, true);
      const high = weak.getUint32(4, true);
      const place = window.length;
      const key = weak.getBigUint64(0, true);
      const from = await this.sourceOf({ low, high, strong, place }, firsts.get(key));
      const announced: Announced = { page, low, high, strong, from, place };
      if (from === "wire") firsts.set(key, announced);
      window.push(announced);
    }
    this.window = window;
    const answer = new Uint8Array(Math.ceil(window.length / 8));
    window.forEach(({ from }, k) => {
      if (from === "wire") answer[k >> 3] = (answer[k >> 3] as number) | (1 << (k & 7));
    });
    return answer;
  }

  /**
   * Stages what the window had and checks what it wanted against the digests; returns how the index
   * is to be brought up to date, once all is applied.
   */
  async complete(staging: Staging, malformed: (why: string) => PrecopyError): Promise<() => void> {
    const { window } = this;
    for (const announced of window) {
      const { page, from } = announced;
      if (from !== "wire") continue;
      let ptr = staging.staged(page);
      if (ptr < 0) {
        // A later stage found the page unchanged: then it is here, or it was lost.
        ptr = this.scratch;
        this.kernels.bytes(ptr, PAGE_BYTES).set(staging.read(page));
        if (!(await this.matches(ptr, announced))) {
          throw malformed(`page ${page} was wanted and did not come`);
        }
      } else if (!(await this.matches(ptr, announced))) {
        throw malformed(`page ${page} is not what its digest said`);
      }
    }
    for (const { page, from, place } of window) {
      if (from === "wire") continue;
      if (staging.staged(page) >= 0) throw malformed(`page ${page} came and was not wanted`);
      const copy = from === "copy" ? this.bytesAt(place) : this.arrived(staging, from.page);
      this.kernels.bytes(staging.stage(page), PAGE_BYTES).set(copy);
    }
    return () => {
      for (const { page, low, high } of window) this.index.put(page, low, high);
      this.window = [];
    };
  }

  /** The page got a content whose digest was not announced. */
  forget(page: number): void {
    this.index.forget(page);
  }

  private async sourceOf(
    wanted: Pick<Announced, "low" | "high" | "strong" | "place">,
    first: Announced | undefined,
  ): Promise<Announced["from"]> {
    const holder = this.index.find(wanted.low, wanted.high);
    if (holder >= 0) {
      this.bytesAt(wanted.place).set(this.read(holder));
      // Hashed anew: the index may be wrong about what the page holds.
      const ptr = this.copies + wanted.place * PAGE_BYTES;
      if (await this.matches(ptr, wanted)) return "copy";
    }
    if (first === undefined) return "wire";
    return isSame(first.strong, wanted.strong) ? first : "wire";
  }

  private async matches(
    ptr: Pointer,
    { low, high, strong }: Pick<Announced, "low" | "high" | "strong">,
  ): Promise<boolean> {
    const hash = this.contents.hash64(ptr);
    if (Number(hash & 0xffffffffn) !== low || Number(hash >> 32n) !== high) return false;
    return (
      strong === undefined || isSame(await sha256(this.kernels.bytes(ptr, PAGE_BYTES)), strong)
    );
  }

  /** The content of a wanted page: staged, or as it was. */
  private arrived(staging: Staging, page: number): Uint8Array {
    const ptr = staging.staged(page);
    return ptr < 0 ? staging.read(page) : this.kernels.bytes(ptr, PAGE_BYTES);
  }

  private bytesAt(place: number): Uint8Array {
    return this.kernels.bytes(this.copies + place * PAGE_BYTES, PAGE_BYTES);
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.every((byte, i) => byte === b[i]);
}
