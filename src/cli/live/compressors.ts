/** The compressors that moves from the command line have: Node's, and zstd where it is installed. */
import type { Compressors } from "../../live/live-codecs.js";
import { nodeCompressors } from "../../live/node-compressors.js";

/** Without the optional package @bokuweb/zstd-wasm a strategy with zstd is refused by its own words. */
export async function loadCompressors(): Promise<Compressors> {
  const zstd = await import("@bokuweb/zstd-wasm").catch(() => undefined);
  if (zstd === undefined) return nodeCompressors;
  await zstd.init();
  return { ...nodeCompressors, zstd };
}
