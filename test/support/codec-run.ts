/**
 * A guest made of real pages goes through a pipeline on real bytes and, page for page, through its
 * model: some rounds of a migration, with what each side says that they cost.
 */

import { parseParams } from "../../src/base/params.js";
import { Random } from "../../src/base/random.js";
import {
  type AskTarget,
  CODECS,
  CodecPipeline,
  createCodecModel,
  deflateEncoder,
  HashDedupDecoder,
  HashDedupEncoder,
  MultifdEncoder,
  PIPELINE_PAGES_MAX,
  PipelineDecoder,
  type StageEncoder,
  XbzrleEncoder,
  ZeroEncoder,
  type ZstdModule,
  zeroCost,
  zstdEncoder,
} from "../../src/codec/index.js";
import { ContentProfile, type ContentProfileSpec } from "../../src/guest/content-profile.js";
import { Kernels, type U32Buffer } from "../../src/kernels/index.js";
import { ContentPages } from "./content-pages.js";

export const PAGE = 4096;
const HEADER = 8;
const MIB = 2 ** 20;

export interface Stage {
  readonly name: string;
  readonly params?: string;
  /** For deflate: another compressor than the platform's. */
  readonly compress?: (page: Uint8Array) => Uint8Array;
}

export interface RoundBytes {
  readonly pages: number;
  readonly real: number;
  readonly model: number;
}

export interface Guest {
  readonly spec: ContentProfileSpec;
  readonly pages: number;
  /** Of all rounds but the first, of the guest's pages. */
  readonly dirtyShare: number;
  readonly rounds: number;
  readonly seed: number;
}

/** Both ends of a pipeline on real bytes, and a target's memory between them. */
export class Ends {
  readonly memory: Uint8Array;
  readonly pipeline: CodecPipeline;
  readonly decoder: PipelineDecoder;
  /** Digests that went to the target, without end marks. */
  digestBytes = 0;

  constructor(pages: number, stages: readonly Stage[], zstd?: ZstdModule) {
    const kernels = Kernels.loadSync({ arenaBytes: 32 * MIB + cacheBytes(stages) });
    this.memory = new Uint8Array(pages * PAGE);
    const read = (page: number) => this.memory.subarray(page * PAGE, (page + 1) * PAGE);
    const policy = stages.some(({ params }) => params?.includes("trust")) ? "trust" : "verify";
    const dedup = new HashDedupDecoder(kernels, pages, read, policy);
    const ask: AskTarget = (digests) => {
      this.digestBytes += digests.length - HEADER;
      return dedup.want(digests);
    };
    const encoders = stages.map((stage) => encoderOf(stage, kernels, ask, policy, zstd));
    this.pipeline = new CodecPipeline(
      kernels,
      encoders.filter((encoder) => encoder !== undefined),
    );
    const write = writeTo(this.memory);
    const target = { pages, read, write };
    const hasDedup = stages.some(({ name }) => name === "hash-dedup");
    this.decoder = new PipelineDecoder(kernels, target, {
      ...(hasDedup ? { dedup } : {}),
      ...(zstd === undefined ? {} : { zstd }),
    });
  }

  /** Bytes of the batch on the way to the target, without end marks. */
  async send(pages: Uint32Array, contents: Uint8Array): Promise<number> {
    const digestsBefore = this.digestBytes;
    const { frame, packets } = await this.pipeline.encode(pages, contents);
    await this.decoder.decode(frame, packets);
    const packetBytes = packets.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return frame.length - HEADER + packetBytes + this.digestBytes - digestsBefore;
  }
}

/** Pages as a decoder hands them over, into a memory. */
export function writeTo(memory: Uint8Array): (list: U32Buffer, contents: Uint8Array) => void {
  return (list, contents) =>
    list.view().forEach((page, i) => {
      memory.set(contents.subarray(i * PAGE, (i + 1) * PAGE), page * PAGE);
    });
}

export interface CodecRun {
  readonly rounds: readonly RoundBytes[];
  readonly describe: Record<string, number>;
  /** Whether the target's memory ended as the guest's. */
  readonly isWhole: boolean;
}

export async function runCodec(
  guest: Guest,
  stages: readonly Stage[],
  zstd?: ZstdModule,
): Promise<CodecRun> {
  const profile = new ContentProfile(guest.spec, guest.seed);
  const contents = new ContentPages(profile);
  const ends = new Ends(guest.pages, stages, zstd);
  const context = { profile, pages: guest.pages, pageSizeBytes: PAGE };
  const model = createCodecModel(
    stages.map(({ name, params }) => {
      const factory = CODECS.find((codec) => codec.name === name)!;
      return { factory, params: parseParams(name, params ?? "", factory.params) };
    }),
    context,
  );
  const random = new Random(guest.seed);
  const versions = new Uint32Array(guest.pages);
  const rounds: RoundBytes[] = [];
  const cost = zeroCost();
  for (let round = 0; round < guest.rounds; round++) {
    const isLast = round === guest.rounds - 1;
    const dirty = dirtyPages(guest, round, versions, random);
    if (isLast) {
      ends.pipeline.lastStage();
      model.lastStage();
    }
    let real = 0;
    let modelled = 0;
    for (let at = 0; at < dirty.length; at += PIPELINE_PAGES_MAX) {
      const pages = dirty.subarray(at, at + PIPELINE_PAGES_MAX);
      const batch = pages.map((page) => versions[page]!);
      real += await ends.send(pages, contents.many(pages, batch));
      model.batch(pages, batch, cost);
      modelled += cost.bodyBytes + HEADER * cost.headerPages;
    }
    rounds.push({ pages: dirty.length, real, model: modelled });
    ends.pipeline.roundEnded();
    model.roundEnded();
  }
  const all = Uint32Array.from({ length: guest.pages }, (_, page) => page);
  const isWhole = Buffer.compare(contents.many(all, versions), ends.memory) === 0;
  return { rounds, describe: model.describe(), isWhole };
}

/** All pages in the first round, some written already; a share of them in later ones. */
function dirtyPages(guest: Guest, round: number, versions: Uint32Array, random: Random) {
  const dirty: number[] = [];
  for (let page = 0; page < guest.pages; page++) {
    const isDirty = round === 0 || random.unit() < guest.dirtyShare;
    if (!isDirty) continue;
    dirty.push(page);
    if (round > 0 || random.unit() < 0.1) versions[page]! += 1 + random.below(20);
  }
  return Uint32Array.from(dirty);
}

function encoderOf(
  { name, params, compress }: Stage,
  kernels: Kernels,
  ask: AskTarget,
  policy: "verify" | "trust",
  zstd: ZstdModule | undefined,
): StageEncoder | undefined {
  switch (name) {
    case "zero":
      return new ZeroEncoder(kernels);
    case "hash-dedup":
      return new HashDedupEncoder(kernels, ask, policy);
    case "xbzrle":
      return new XbzrleEncoder(kernels, cacheBytes([{ name, ...(params ? { params } : {}) }]));
    case "deflate":
      return deflateEncoder(compress);
    case "zstd":
      return zstdEncoder(zstd!);
    case "multifd":
      return new MultifdEncoder(Number(/\d+/.exec(params ?? "2")![0]));
    default:
      return undefined;
  }
}

function cacheBytes(stages: readonly Stage[]): number {
  const stage = stages.find(({ name }) => name === "xbzrle");
  if (stage === undefined) return 0;
  return Number(/cache=(\d+)/.exec(stage.params ?? "cache=64MiB")![1]) * MIB;
}
