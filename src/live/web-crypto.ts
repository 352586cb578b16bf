/**
 * What the wire needs of cryptography where there is no Node: pages and workers. The browser's own
 * HMAC answers by promise only, and frames are checked where they arrive, so the hash is that of
 * @noble/hashes.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { WireCrypto } from "../wire/index.js";

export const webCrypto: WireCrypto = {
  hmacSha256(key, ...parts) {
    const running = hmac.create(sha256, key);
    for (const part of parts) running.update(part);
    return running.digest();
  },
  randomBytes: (count) => globalThis.crypto.getRandomValues(new Uint8Array(count)),
};
