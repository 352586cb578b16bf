/**
 * Two tabs that know each other: the first makes a name and a secret and hands them to the second
 * in the fragment of its address, which no server sees. Each listens on a channel of its own and
 * calls on the other's.
 */
export interface TabPair {
  /** This is the tab that was opened by the other. */
  readonly second: boolean;
  /** Channel to listen on, and to call on. */
  readonly own: string;
  readonly other: string;
  readonly secret: Uint8Array;
  /** Address of the second tab. */
  readonly address: string;
}

const BYTES = 16;

export function tabPair(fragment: string): TabPair {
  const given = /^#tab=([0-9a-f]{32})&secret=([0-9a-f]{32})$/.exec(fragment);
  const name = given?.[1] ?? hex(crypto.getRandomValues(new Uint8Array(BYTES)));
  const secret = given?.[2] ?? hex(crypto.getRandomValues(new Uint8Array(BYTES)));
  const ends = [`precopy-${name}-first`, `precopy-${name}-second`] as const;
  const second = given !== null;
  return {
    second,
    own: ends[second ? 1 : 0],
    other: ends[second ? 0 : 1],
    secret: bytes(secret),
    address: `#tab=${name}&secret=${secret}`,
  };
}

function hex(from: Uint8Array): string {
  return Array.from(from, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from({ length: BYTES }, (_, i) =>
    Number.parseInt(text.slice(i * 2, i * 2 + 2), 16),
  );
}
