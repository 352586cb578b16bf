/**
 * What the two ends of a {@link CreditTransport} say to one another, and how it is told from all
 * else that may come over the same port or channel: a mark with the version of this protocol.
 */

export type LinkMessage =
  | { readonly kind: "data"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "taken"; readonly bytes: number }
  | { readonly kind: "close" }
  | { readonly kind: "destroy" }
  | { readonly kind: "ping" }
  | { readonly kind: "pong" };

/** On every message; another version's messages are not seen at all. */
export const LINK_MARK = "precopy-link-1";

/** The message in what arrived, or `undefined` where it is not one of ours. */
export function linkMessageOf(value: unknown): LinkMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { mark, kind, bytes } = value as Record<string, unknown>;
  if (mark !== LINK_MARK) return undefined;
  switch (kind) {
    case "data":
      // A view of shared memory could change under the reader.
      if (!(bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer)) return undefined;
      return { kind, bytes: bytes as Uint8Array<ArrayBuffer> };
    case "taken":
      return typeof bytes === "number" ? { kind, bytes } : undefined;
    case "close":
    case "destroy":
    case "ping":
    case "pong":
      return { kind };
    default:
      return undefined;
  }
}
