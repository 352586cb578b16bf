/** What the wire needs of cryptography, from Node. */
import { createHmac, randomBytes } from "node:crypto";
import type { WireCrypto } from "../wire/index.js";

export const nodeCrypto: WireCrypto = {
  hmacSha256(key, ...parts) {
    const hmac = createHmac("sha256", key);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  },
  randomBytes: (count) => randomBytes(count),
};
