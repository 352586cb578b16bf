/** The codecs, one file each: real bytes and cost model side by side. */
import type { CodecContext, CodecFactory, CodecModel, StageOfPipeline } from "./codec.js";
import { stagedModel } from "./codec.js";
import { deflate } from "./deflate.js";
import { hashDedup } from "./hash-dedup.js";
import { multifd } from "./multifd.js";
import { raw } from "./raw.js";
import { xbzrle } from "./xbzrle.js";
import { zero } from "./zero.js";
import { zstd } from "./zstd.js";

/** In the order in which they stand in a pipeline. */
export const CODECS: readonly CodecFactory[] = [
  zero,
  hashDedup,
  xbzrle,
  deflate,
  zstd,
  multifd,
  raw,
];

/**
 * The model of these stages, in this order; what no stage takes is sent raw. Throws `bad-input` for
 * an order that cannot be.
 */
export function createCodecModel(
  stages: readonly StageOfPipeline[],
  context: CodecContext,
): CodecModel {
  return stagedModel(stages, raw, context);
}

export type {
  BatchCost,
  CodecContext,
  CodecFactory,
  CodecModel,
  CodecStage,
  StageBatch,
  StageOfPipeline,
} from "./codec.js";
export { BATCH_PAGES_MAX, checkCodecOrder, zeroCost } from "./codec.js";
export { CompressorEncoder, type PageTransform } from "./compressor.js";
export { deflateEncoder, deflatePage, inflatePage } from "./deflate.js";
export { type AskTarget, type CollisionPolicy, HashDedupEncoder } from "./hash-dedup.js";
export { MultifdEncoder, type MultifdPacket } from "./multifd.js";
export {
  CodecPipeline,
  type DecoderOptions,
  type EncodedBatch,
  PipelineDecoder,
  type TargetPages,
} from "./pipeline.js";
export { type PageBatch, PIPELINE_PAGES_MAX, type StageEncoder } from "./stage.js";
export { HashDedupDecoder } from "./want-list.js";
export { XbzrleEncoder } from "./xbzrle.js";
export { ZeroEncoder } from "./zero.js";
export { type ZstdModule, zstdEncoder } from "./zstd.js";
