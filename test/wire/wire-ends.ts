/** What the tests of wire/ share: cryptography of a library, chance of a seed, arbitrary messages. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { Random } from "../../src/base/random.js";
import type { Region } from "../../src/migrate/messages.js";
import type { MachineDescription } from "../../src/migrate/ports.js";
import {
  DEFAULT_LIMITS,
  FrameChannel,
  type Handshake,
  type HandshakeResult,
  type SourceMessage,
  type TargetMessage,
  type WireCrypto,
  type WireLimits,
} from "../../src/wire/index.js";

export function cryptoOf(seed: number): WireCrypto {
  const random = new Random(seed);
  return {
    hmacSha256: (key, ...parts) => hmac(sha256, key, joined(parts)),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random.below(256)),
  };
}

export const CRYPTO = cryptoOf(1);
export const SECRET = new TextEncoder().encode("a secret of both");

export interface Ends {
  readonly source: FrameChannel<SourceMessage, TargetMessage>;
  readonly target: FrameChannel<TargetMessage, SourceMessage>;
}

/** A connection's two channels. */
export function channels(secret = false, limits: WireLimits = DEFAULT_LIMITS): Ends {
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const keys = secret ? { send: a, receive: b } : undefined;
  const others = secret ? { send: b, receive: a } : undefined;
  return {
    source: new FrameChannel({ end: "source", limits, crypto: CRYPTO, keys }),
    target: new FrameChannel({ end: "target", limits, crypto: CRYPTO, keys: others }),
  };
}

export interface Shaken {
  source: HandshakeResult<SourceMessage, TargetMessage> | Error | undefined;
  target: HandshakeResult<TargetMessage, SourceMessage> | Error | undefined;
}

/** Lets two ends shake hands, `chunk` bytes at a time, until neither says more. */
export function shake(
  source: Handshake<SourceMessage, TargetMessage>,
  target: Handshake<TargetMessage, SourceMessage>,
  chunk = Number.POSITIVE_INFINITY,
): Shaken {
  const found: Shaken = { source: undefined, target: undefined };
  while (source.output.length + target.output.length > 0) {
    found.target = feed(target, source.output, chunk) ?? found.target;
    found.source = feed(source, target.output, chunk) ?? found.source;
  }
  return found;
}

function feed<R>(
  end: { receive(bytes: Uint8Array): R | undefined },
  from: Uint8Array[],
  chunk: number,
): R | Error | undefined {
  const bytes = joined(from.splice(0));
  let result: R | Error | undefined;
  for (let at = 0; at < bytes.length && result === undefined; at += chunk) {
    try {
      result = end.receive(bytes.slice(at, Math.min(bytes.length, at + chunk)));
    } catch (error) {
      result = error as Error;
    }
  }
  return result;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export const GUEST: MachineDescription = {
  name: "tiny",
  kind: "v86",
  version: "0.5.462",
  devices: "vga 8",
  pages: 64,
  pageSizeBytes: 4096,
  vcpus: 1,
  deviceStateBytes: 100_000,
};

const u32 = fc.nat(0xffff_ffff);
const epoch = u32;
const atNs = fc.maxSafeInteger().map((ns) => ns + 0);
const count = fc.maxSafeNat();
const reason = fc.string({ unit: "grapheme", maxLength: 60 });
const bytes = fc.uint8Array({ maxLength: 300 });
const region = fc.option(fc.nat(65_534), { nil: undefined }).map((disk): Region => {
  return disk === undefined ? "ram" : `disk:${disk}`;
});
const runs = fc
  .array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 9 })), { maxLength: 40 })
  .map((gaps) => {
    let next = 0;
    return Uint32Array.from(
      gaps.flatMap(([gap, length]) => {
        const start = next + gap;
        next = start + length + 1;
        return [start, length];
      }),
    );
  });

const guest = fc.record({
  name: fc.string({ unit: "grapheme" }),
  kind: fc.string(),
  version: fc.string(),
  devices: fc.string({ unit: "binary" }),
  pages: count,
  pageSizeBytes: count,
  vcpus: count,
  deviceStateBytes: count,
});

const pages = fc
  .record({
    region,
    urgent: fc.boolean(),
    table: fc.array(fc.tuple(u32, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), { maxLength: 30 }),
    frame: bytes,
    packets: fc.array(fc.record({ channel: fc.nat(255), bytes }), { maxLength: 5 }),
  })
  .map(({ region, urgent, table, frame, packets }): SourceMessage => {
    return {
      kind: "pages",
      region,
      urgent,
      pages: Uint32Array.from(table.map(([page]) => page)),
      checks: BigUint64Array.from(table.map(([, check]) => check)),
      frame,
      packets,
    };
  });

/** Any of `kind` with these fields. */
function of<K extends string, T>(kind: K, fields: { [P in keyof T]: fc.Arbitrary<T[P]> }) {
  return fc.record(fields).map((rest) => ({ kind, ...rest }));
}

const stage = fc.constantFrom("unknown", "whole", "starting", "running");

export const sourceMessage = fc.oneof(
  of("prepare", { guest, postCopy: fc.boolean(), codecs: fc.string(), deviceState: bytes }),
  of("prepare", { guest, postCopy: fc.boolean(), codecs: fc.string() }),
  pages,
  of("ask", { digests: bytes }),
  of("device-state", { state: bytes }),
  of("absent", { region, runs }),
  of("empty", { region, runs }),
  of("finish", { epoch }),
  of("finish", { epoch, digest: bytes }),
  of("go", { epoch }),
  of("finish-residual", {}),
  of("abort", { reason }),
  of("ping", { atNs }),
  of("bye", {}),
) as fc.Arbitrary<SourceMessage>;

export const targetMessage = fc.oneof(
  of("prepared", { atNs, windowBytes: count }),
  of("refused", { reason }),
  of("image-complete", { atNs, verifyNs: count, checkedPages: count }),
  of("running", { atNs }),
  of("announced", { atNs }),
  of("all-received", { atNs }),
  of("refused-to-run", { epoch, reason }),
  of("fault", { page: u32 }),
  of("answers", { wanted: bytes }),
  of("taken", { pages: count, bytes: count }),
  of("failed", { reason }),
  of("standing", { epoch, stage, absent: runs }),
  of("pong", { atNs, receivedNs: atNs }),
) as fc.Arbitrary<TargetMessage>;
