/**
 * Raw deflate (RFC 1951) of each page alone, by the platform's CompressionStream, which Node and
 * browsers have and which knows one level, its default (6); another compressor, with another level, can
 * be given. The reader takes the bytes of either.
 */
import { durationParam } from "../base/params.js";
import { type CodecFactory, checkPageSize, PAGE_BYTES } from "./codec.js";
import { CompressorEncoder, CompressorModel, type PageTransform } from "./compressor.js";
import { FLAG_DEFLATE } from "./frame.js";

export const deflate: CodecFactory = {
  name: "deflate",
  summary: "each page compressed alone by raw deflate",
  source: "RFC 1951; QEMU migration/ram.c, compress threads",
  params: {
    level: { kind: "integer", default: 6, min: 1, max: 9, help: "as measured for 1 and 6" },
    // zlib of Node 20 on 685 pages of a program, Wasm and text: 86 us at level 6, 56 us at level 1.
    cpu: { kind: "duration", default: 90_000, help: "time a page (level 1: about 60us)" },
  },
  takesAll: false,
  createModel: ({ profile, pageSizeBytes }, params) => {
    checkPageSize("deflate", pageSizeBytes);
    const level = params.level as number;
    return new CompressorModel(
      profile,
      (content, page, version) => content.deflatedBytes(page, version, level),
      durationParam(params, "cpu"),
    );
  },
};

/** @param compress raw deflate of a page, for another level than the platform's. */
export function deflateEncoder(compress: PageTransform = deflatePage): CompressorEncoder {
  return new CompressorEncoder(FLAG_DEFLATE, compress);
}

/** Raw deflate at the platform's level. */
export function deflatePage(page: Uint8Array): Promise<Uint8Array> {
  return through(new CompressionStream("deflate-raw"), page, 2 * PAGE_BYTES);
}

/** The reverse; rejects what is not deflate, and as soon as more than a page comes out. */
export function inflatePage(deflated: Uint8Array): Promise<Uint8Array> {
  return through(new DecompressionStream("deflate-raw"), deflated, PAGE_BYTES);
}

async function through(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array,
  limitBytes: number,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter();
  // What goes wrong shows where the output is read; unheard here, it would end the process.
  writer.write(bytes.slice()).catch(() => {});
  writer.close().catch(() => {});
  const out = new Uint8Array(limitBytes);
  let length = 0;
  const reader = stream.readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return out.subarray(0, length);
    if (length + value.length > limitBytes) {
      reader.cancel().catch(() => {});
      throw new RangeError(`more than ${limitBytes} bytes come out`);
    }
    out.set(value, length);
    length += value.length;
  }
}
