/**
 * Hash-based elimination (Sapuntzakis et al., "Optimizing the Migration of Virtual Computers", OSDI
 * 2002): the digests of a window of pages go ahead, the target answers which contents it lacks, and
 * only those go on to the next stage. The paper's protocol sends SHA-1 and the receiver hashes its
 * block once more before it trusts its index [recalled, not verified].
 *
 *   digests:  header, u64 XXH64 [, 32 bytes SHA-256]      answer:  1 bit a page, 1 = wanted
 *
 * XXH64 finds candidates. Two contents with one XXH64 can be made on purpose: by the policy `verify`
 * (the default) SHA-256 goes along and the target compares it with that of its own page; `trust` does
 * without, for guests that nobody attacks. A window is a batch of at most
 * 1,024 pages; equal pages within it are sent once.
 * It wins where more than header + digest bytes a page are saved, and costs a round trip a window.
 */
import { PrecopyError } from "../base/errors.js";
import { durationParam } from "../base/params.js";
import { mix32 } from "../base/random.js";
import type { ContentProfile } from "../guest/content-profile.js";
import { type Kernels, PageContents, type Pointer } from "../kernels/index.js";
import {
  type BatchCost,
  type CodecFactory,
  type CodecStage,
  checkPageSize,
  type StageBatch,
} from "./codec.js";
import { DigestIndex, WindowDigests } from "./digest-index.js";
import { FLAG_DIGEST, FrameWriter, HEADER_BYTES } from "./frame.js";
import { type PageBatch, PIPELINE_PAGES_MAX, type StageEncoder } from "./stage.js";

export const WEAK_BYTES = 8;
/** SHA-256. */
export const STRONG_BYTES = 32;

/** Whether equal XXH64 digests are enough. */
export type CollisionPolicy = "verify" | "trust";

export const hashDedup: CodecFactory = {
  name: "hash-dedup",
  summary: "digests first; only contents that the target lacks are sent",
  source: "Sapuntzakis et al., OSDI 2002",
  params: {
    policy: {
      kind: "choice",
      default: "verify",
      choices: ["verify", "trust"],
      help: "of equal XXH64 digests: compare SHA-256 too, or take them for equal pages",
    },
    present: {
      kind: "number",
      default: 0,
      min: 0,
      max: 1,
      help: "share of the first contents that the target has from elsewhere",
    },
    cpu: { kind: "duration", default: 200, help: "XXH64 of a page (bench: XXH64)" },
    "strong-cpu": { kind: "duration", default: 10_000, help: "SHA-256 of a page (round figure)" },
  },
  takesAll: false,
  createModel: ({ profile, pages, pageSizeBytes }, params) => {
    checkPageSize("hash-dedup", pageSizeBytes);
    const isVerified = params.policy === "verify";
    return new HashDedupModel(profile, pages, {
      present: params.present as number,
      digestBytes: WEAK_BYTES + (isVerified ? STRONG_BYTES : 0),
      cpuNs: durationParam(params, "cpu") + (isVerified ? durationParam(params, "strong-cpu") : 0),
    });
  },
};

/** Marks of open pages while a window is looked up. */
const WANTED = 1;
const FOUND = 2;

class HashDedupModel implements CodecStage {
  private readonly index: DigestIndex;
  private readonly window = new WindowDigests(PIPELINE_PAGES_MAX);
  private readonly presentBelow: number;
  private digests = 0;
  private hits = 0;

  constructor(
    private readonly profile: ContentProfile,
    pages: number,
    private readonly cost: { present: number; digestBytes: number; cpuNs: number },
  ) {
    this.index = new DigestIndex(pages);
    this.presentBelow = cost.present * 0x1_0000_0000;
  }

  take(batch: StageBatch, cost: BatchCost): void {
    const { length } = batch.pages;
    for (let from = 0; from < length; from += PIPELINE_PAGES_MAX) {
      this.takeWindow(batch, from, Math.min(length, from + PIPELINE_PAGES_MAX), cost);
    }
  }

  roundEnded(): void {}

  lastStage(): void {}

  describe(): Record<string, number> {
    const { digests, hits } = this;
    const perDigest = HEADER_BYTES + this.cost.digestBytes;
    return {
      digests,
      hits,
      hitRate: digests === 0 ? 0 : hits / digests,
      savedBytes: hits * (HEADER_BYTES + 4096) - digests * perDigest,
    };
  }

  /** All of a window is looked up before any of it is applied. */
  private takeWindow(batch: StageBatch, from: number, to: number, cost: BatchCost): void {
    const { pages, versions, open } = batch;
    let digests = 0;
    this.window.next();
    for (let i = from; i < to; i++) {
      if (open[i] === 0) continue;
      digests++;
      const isThere = this.isThere(pages[i] as number, versions[i] as number);
      open[i] = isThere ? FOUND : WANTED;
    }
    for (let i = from; i < to; i++) {
      const page = pages[i] as number;
      if (open[i] === 0) {
        this.index.forget(page);
        continue;
      }
      const digest = this.profile.digestOf(page, versions[i] as number);
      this.index.put(page, lowOf(digest), highOf(digest));
      if (open[i] === FOUND) this.hits++;
      open[i] = open[i] === FOUND ? 0 : 1;
    }
    if (digests === 0) return;
    this.digests += digests;
    cost.headerPages += digests;
    cost.bodyBytes += digests * this.cost.digestBytes;
    cost.cpuNs += digests * this.cost.cpuNs;
    cost.roundTrips++;
  }

  private isThere(page: number, version: number): boolean {
    const digest = this.profile.digestOf(page, version);
    const low = lowOf(digest);
    const high = highOf(digest);
    if (this.index.find(low, high) >= 0) return true;
    if (version === 0 && mix32(low ^ high) < this.presentBelow) return true;
    return this.window.add(low, high);
  }
}

function lowOf(digest: number): number {
  return digest >>> 0;
}

function highOf(digest: number): number {
  return Math.floor(digest / 0x1_0000_0000);
}

/** Sends the digests and resolves to the target's answer ({@link HashDedupDecoder.want}). */
export type AskTarget = (digests: Uint8Array) => Promise<Uint8Array>;

export class HashDedupEncoder implements StageEncoder {
  private readonly contents: PageContents;
  private readonly hashes: Pointer;
  private readonly message: FrameWriter;

  static readonly arenaBytes = PIPELINE_PAGES_MAX * WEAK_BYTES;

  constructor(
    private readonly kernels: Kernels,
    private readonly ask: AskTarget,
    private readonly policy: CollisionPolicy = "verify",
  ) {
    this.contents = new PageContents(kernels);
    this.hashes = kernels.allocate(HashDedupEncoder.arenaBytes, "digests");
    const recordBytes = HEADER_BYTES + WEAK_BYTES + STRONG_BYTES;
    this.message = new FrameWriter(PIPELINE_PAGES_MAX * recordBytes + HEADER_BYTES);
  }

  async encode(batch: PageBatch): Promise<void> {
    const { pages, open } = batch;
    const asked: number[] = [];
    for (let i = 0; i < pages.length; i++) if (open[i] === 1) asked.push(i);
    if (asked.length === 0) return;
    const answer = await this.ask(await this.digests(batch, asked));
    const spare = answer.length * 8 - asked.length;
    const last = answer.at(-1) ?? 0;
    if (spare < 0 || spare >= 8 || (last & (0xff00 >> spare) & 0xff) !== 0) {
      throw new PrecopyError(
        "bad-input",
        `the target's answer has ${answer.length} bytes for ${asked.length} digests, or a bit ` +
          "behind the last; nothing was sent, announce the pages again",
      );
    }
    asked.forEach((i, k) => {
      open[i] = ((answer[k >> 3] as number) >> (k & 7)) & 1;
    });
  }

  private async digests(batch: PageBatch, asked: readonly number[]): Promise<Uint8Array> {
    const { pages, ptr, pageAt } = batch;
    this.contents.hashMany(ptr, pages.length, this.hashes);
    const weak = this.kernels.bytes(this.hashes, pages.length * WEAK_BYTES);
    const strong =
      this.policy === "verify" ? await Promise.all(asked.map((i) => sha256(pageAt(i)))) : undefined;
    this.message.reset();
    asked.forEach((i, k) => {
      this.message.header(pages[i] as number, FLAG_DIGEST);
      this.message.bytes(weak.subarray(i * WEAK_BYTES, (i + 1) * WEAK_BYTES));
      if (strong !== undefined) this.message.bytes(strong[k] as Uint8Array);
    });
    return this.message.finish();
  }
}

export async function sha256(page: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", page.slice()));
}
