/**
 * Zstandard (RFC 8878) of each page alone. The library is not part of this package: whoever wants it
 * passes the loaded module of @bokuweb/zstd-wasm, or anything of that shape.
 *
 * Its size is not measured in the content profiles but derived from deflate's by a ratio that was
 * measured on other pages.
 */
import { durationParam } from "../base/params.js";
import { type CodecFactory, checkPageSize, PAGE_BYTES } from "./codec.js";
import { CompressorEncoder, CompressorModel } from "./compressor.js";
import { FLAG_ZSTD } from "./frame.js";

/** What is used of @bokuweb/zstd-wasm, after its init(). */
export interface ZstdModule {
  compress(bytes: Uint8Array, level?: number): Uint8Array;
  decompress(bytes: Uint8Array): Uint8Array;
}

export const zstd: CodecFactory = {
  name: "zstd",
  summary: "each page compressed alone by Zstandard",
  source: "RFC 8878; QEMU migration/multifd-zstd.c",
  params: {
    // @bokuweb/zstd-wasm at level 3 on 685 pages of a program, Wasm and text: 46 us.
    cpu: { kind: "duration", default: 45_000, help: "time a page" },
  },
  takesAll: false,
  createModel: ({ profile, pageSizeBytes }, params) => {
    checkPageSize("zstd", pageSizeBytes);
    return new CompressorModel(
      profile,
      (content, page, version) => content.zstdBytes(page, version),
      durationParam(params, "cpu"),
    );
  },
};

/** Level 3 is zstd's default, and what the profiles' ratio is for. */
export function zstdEncoder(module: ZstdModule, level = 3): CompressorEncoder {
  return new CompressorEncoder(FLAG_ZSTD, (page) => module.compress(page, level));
}

/**
 * The reverse. The size that the frame states is looked at first, because the module reserves as much
 * as it says; throws for what is no zstd frame of one page.
 */
export function unzstdPage(module: ZstdModule, bytes: Uint8Array): Uint8Array {
  const stated = contentBytes(bytes);
  if (stated !== PAGE_BYTES) throw new RangeError(`the frame states ${stated} bytes`);
  return module.decompress(bytes);
}

/** Frame_Content_Size of RFC 8878, 3.1.1.1.4; -1 when it is not stated or the magic is not there. */
function contentBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== 0xfd2fb528) return -1;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  const kind = descriptor >> 6;
  const sizeBytes = kind === 0 ? (isSingleSegment ? 1 : 0) : 2 ** kind;
  if (sizeBytes === 0 || at + sizeBytes > bytes.length) return -1;
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  if (sizeBytes === 4) return view.getUint32(at, true);
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}
