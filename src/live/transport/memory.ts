/**
 * A pair of transports in this process, for tests of what is built on transports: with a delay, a
 * stall, a cut at any instant, and bytes cut and joined at random by a seed, since a stream keeps
 * no boundaries.
 */
import { Random } from "../../base/random.js";
import { type CreditOptions, CreditTransport } from "./credit-transport.js";
import type { LinkMessage } from "./link-message.js";
import type { Transport } from "./transport.js";

export interface MemoryOptions extends CreditOptions {
  /** One way, wall time. Default 0: the next turn of the event loop. */
  readonly delayMs?: number;
  /** Cuts and joins what is written at random by this seed; left out, chunks stay as they are. */
  readonly chunkSeed?: number;
}

/** Two ends and the hand on the line between them. */
export interface MemoryPair {
  readonly a: Transport;
  readonly b: Transport;
  /** Both ends see the connection lost; what is under way is lost too. */
  cut(): void;
  /** While stalled nothing arrives, and nobody hears why. */
  stall(isStalled: boolean): void;
  /** For what is written from now on. */
  setDelay(delayMs: number): void;
}

export function memoryPair(options: MemoryOptions = {}): MemoryPair {
  const line: Line = { delayMs: options.delayMs ?? 0, isStalled: false, isCut: false };
  const chunker = (key: number) =>
    options.chunkSeed === undefined ? undefined : new Random(options.chunkSeed).fork(key);
  const toB = new Direction(line, chunker(1));
  const toA = new Direction(line, chunker(2));
  const release = () => {};
  const a = new CreditTransport(
    { description: "memory connection a", post: (message) => toB.post(message), release },
    options,
  );
  const b = new CreditTransport(
    { description: "memory connection b", post: (message) => toA.post(message), release },
    options,
  );
  toB.deliver = (message) => b.receive(message);
  toA.deliver = (message) => a.receive(message);
  return {
    a,
    b,
    cut() {
      line.isCut = true;
      for (const end of [a, b]) end.mediumLost("the line was cut");
    },
    stall(isStalled) {
      line.isStalled = isStalled;
      toA.flush();
      toB.flush();
    },
    setDelay(delayMs) {
      line.delayMs = delayMs;
    },
  };
}

interface Line {
  delayMs: number;
  isStalled: boolean;
  isCut: boolean;
}

/** One way: messages in order, each due when its timer has fired. */
class Direction {
  deliver: (message: LinkMessage) => void = () => {};
  private readonly underWay: LinkMessage[] = [];
  private due = 0;

  constructor(
    private readonly line: Line,
    private readonly random: Random | undefined,
  ) {}

  post(message: LinkMessage): void {
    if (this.line.isCut) return;
    this.underWay.push(message);
    setTimeout(() => {
      this.due++;
      this.flush();
    }, this.line.delayMs);
  }

  flush(): void {
    while (this.due > 0 && !this.line.isStalled && !this.line.isCut) {
      this.due--;
      const message = this.underWay.shift();
      if (message?.kind === "data") this.deliverData(message.bytes);
      else if (message !== undefined) this.deliver(message);
    }
  }

  /** Whole without a seed; else held back to go with the bytes behind it, or cut anywhere. */
  private deliverData(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.random === undefined) return this.deliver({ kind: "data", bytes });
    const next = this.underWay[0];
    if (next?.kind === "data" && this.random.below(2) === 0) {
      this.underWay[0] = { kind: "data", bytes: joined(bytes, next.bytes) };
      return;
    }
    for (let from = 0; from < bytes.length; ) {
      // Mostly some kilobytes, at times a few bytes only.
      const most = this.random.below(4) === 0 ? 8 : 16_384;
      const to = Math.min(bytes.length, from + 1 + this.random.below(most));
      this.deliver({ kind: "data", bytes: bytes.slice(from, to) });
      from = to;
    }
  }
}

function joined(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
