/**
 * What the handshake and the frames need of cryptography and of chance. Both are given by whoever
 * opens the connection, so that this room has neither.
 */
export interface WireCrypto {
  /** HMAC-SHA-256 (RFC 2104, FIPS 180-4) of the parts, one behind the other: 32 bytes. */
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** Bytes that nobody can foresee. */
  randomBytes(count: number): Uint8Array;
}

/** Compares without telling by its time where a difference is. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let different = 0;
  for (let i = 0; i < a.length; i++) different |= (a[i] as number) ^ (b[i] as number);
  return different === 0;
}
