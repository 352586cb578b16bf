/** The codecs of a strategy's name on real bytes, at the source and at the target. */
import { PrecopyError } from "../base/errors.js";
import type { PageTransform } from "../codec/index.js";
import {
  type AskTarget,
  CodecPipeline,
  type CollisionPolicy,
  deflateEncoder,
  HashDedupDecoder,
  HashDedupEncoder,
  MultifdEncoder,
  PipelineDecoder,
  type StageEncoder,
  type StageOfPipeline,
  type TargetPages,
  XbzrleEncoder,
  ZeroEncoder,
  type ZstdModule,
  zstdEncoder,
} from "../codec/index.js";
import type { Kernels } from "../kernels/index.js";

/** Compressors that the platform or the caller brings. */
export interface Compressors {
  /** Raw deflate of a page at a level; the platform's own streams where it is left out. */
  readonly deflate?: (level: number) => PageTransform;
  /** The reverse, of at most a page. */
  readonly inflate?: PageTransform;
  readonly zstd?: ZstdModule;
}

/** Arena bytes of {@link createPipeline}. */
export function pipelineArenaBytes(stages: readonly StageOfPipeline[]): number {
  let bytes = CodecPipeline.arenaBytes;
  for (const { factory, params } of stages) {
    if (factory.name === "hash-dedup") bytes += HashDedupEncoder.arenaBytes;
    if (factory.name === "xbzrle") bytes += XbzrleEncoder.arenaBytes(params.cache as number);
    if (factory.name === "zero") bytes += ZeroEncoder.arenaBytes();
    bytes += 1024;
  }
  return bytes;
}

/** The encoders of these codecs, in order. */
export function createPipeline(
  kernels: Kernels,
  stages: readonly StageOfPipeline[],
  outside: Compressors & { readonly ask: AskTarget },
): CodecPipeline {
  const encoders = stages
    .filter(({ factory }) => factory.name !== "raw")
    .map((stage) => encoderOf(stage, kernels, outside));
  return new CodecPipeline(kernels, encoders);
}

/**
 * Those whose frames mean the same whatever the target has: no deltas against pages that a running
 * guest may have changed or a broken connection lost (QEMU, migration/ram.c, sends no XBZRLE pages in
 * post-copy either; recalled, not verified).
 */
export function selfContained(stages: readonly StageOfPipeline[]): StageOfPipeline[] {
  return stages.filter(({ factory: { name } }) => ["zero", "deflate", "zstd"].includes(name));
}

/** What the target is told of the codecs, so that it is ready for them. */
export function codecNames(stages: readonly StageOfPipeline[]): string {
  return stages.map(({ factory, params }) => dedupName(factory.name, params.policy)).join(",");
}

/** Arena bytes of {@link createDecoder}. */
export function decoderArenaBytes(): number {
  return PipelineDecoder.arenaBytes + HashDedupDecoder.arenaBytes + 4096;
}

/** The decoder, and what answers a source that asks before it sends. */
export function createDecoder(
  kernels: Kernels,
  target: TargetPages,
  options: Compressors & { readonly codecs: string },
): { readonly decoder: PipelineDecoder; readonly dedup: HashDedupDecoder | undefined } {
  const names = options.codecs.split(",");
  if (names.includes("zstd") && options.zstd === undefined) throw noZstd("the target");
  const policy: CollisionPolicy = names.includes("hash-dedup:trust") ? "trust" : "verify";
  const read = (page: number) => target.read(page);
  const dedup = names.some((name) => name.startsWith("hash-dedup"))
    ? new HashDedupDecoder(kernels, target.pages, read, policy)
    : undefined;
  const decoder = new PipelineDecoder(kernels, target, {
    ...(dedup !== undefined && { dedup }),
    ...(options.zstd !== undefined && { zstd: options.zstd }),
    ...(options.inflate !== undefined && { inflate: options.inflate }),
  });
  return { decoder, dedup };
}

function dedupName(name: string, policy: unknown): string {
  return name === "hash-dedup" ? `${name}:${policy}` : name;
}

function encoderOf(
  { factory, params }: StageOfPipeline,
  kernels: Kernels,
  { ask, deflate, zstd }: Compressors & { readonly ask: AskTarget },
): StageEncoder {
  switch (factory.name) {
    case "zero":
      return new ZeroEncoder(kernels);
    case "hash-dedup":
      return new HashDedupEncoder(kernels, ask, params.policy as CollisionPolicy);
    case "xbzrle":
      return new XbzrleEncoder(kernels, params.cache as number);
    case "deflate":
      return deflateEncoder(deflate?.(params.level as number));
    case "zstd":
      if (zstd === undefined) throw noZstd("the source");
      return zstdEncoder(zstd);
    case "multifd":
      return new MultifdEncoder(params.channels as number);
    default:
      throw new PrecopyError(
        "unsupported",
        `codec ${factory.name} has a cost model and no encoder for real bytes: leave it out`,
      );
  }
}

function noZstd(where: string): PrecopyError {
  return new PrecopyError(
    "unsupported",
    `${where} was given no zstd module: install @bokuweb/zstd-wasm and hand it in, or take deflate`,
  );
}
