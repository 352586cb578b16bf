/**
 * Compressors from Node: zlib, a page in one call, where the platform's streams take several turns of
 * the event loop a page.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Compressors } from "./live-codecs.js";

const PAGE_BYTES = 4096;

export const nodeCompressors: Compressors = {
  deflate: (level) => (page) => deflateRawSync(page, { level }),
  inflate: (deflated) => inflateRawSync(deflated, { maxOutputLength: PAGE_BYTES }),
};
