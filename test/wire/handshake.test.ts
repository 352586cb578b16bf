/** Who may talk to whom: secrets, versions, strangers, and one who sends back what was said. */
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS, Handshake, type HandshakeResult } from "../../src/wire/index.js";
import { cryptoOf, joined, SECRET, type Shaken, shake } from "./wire-ends.js";

const OTHER = new TextEncoder().encode("another secret");
const SESSION = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

function source(secret?: Uint8Array, resumes = false, seed = 5) {
  const crypto = cryptoOf(seed);
  const limits = DEFAULT_LIMITS;
  return Handshake.source({ crypto, limits, sessionId: SESSION, epoch: 9, resumes, secret });
}

function target(secret?: Uint8Array, seed = 6) {
  return Handshake.target({ crypto: cryptoOf(seed), limits: DEFAULT_LIMITS, secret });
}

/** Both ends' results; fails where one has none. */
function results({ source, target }: Shaken) {
  if (source === undefined || source instanceof Error) throw source ?? new Error("source waits");
  if (target === undefined || target instanceof Error) throw target ?? new Error("target waits");
  return { source, target };
}

describe("two ends that fit", () => {
  for (const secret of [undefined, SECRET]) {
    for (const chunk of [1, 7, 1000]) {
      it(`agree, ${secret === undefined ? "no secret" : "a secret"}, by ${chunk} bytes`, () => {
        const ends = results(shake(source(secret, true), target(secret), chunk));
        for (const end of [ends.source, ends.target]) {
          expect(end).toMatchObject({ epoch: 9, resumes: true });
          expect([...end.sessionId]).toEqual([...SESSION]);
          expect(end.channel.authenticated).toBe(secret !== undefined);
          expect(end.rest).toHaveLength(0);
        }
        const go = joined(ends.source.channel.encode({ kind: "go", epoch: 9 }));
        expect(ends.target.channel.receive(go)).toEqual([{ kind: "go", epoch: 9 }]);
        const fault = joined(ends.target.channel.encode({ kind: "fault", page: 1 }));
        expect(ends.source.channel.receive(fault)).toEqual([{ kind: "fault", page: 1 }]);
      });
    }
  }

  it("hand on what came behind the handshake", () => {
    const [a, b] = [source(), target()];
    b.receive(joined(a.output));
    const found = a.receive(joined([...b.output, Uint8Array.of(1, 2, 3)]));
    expect([...(found as HandshakeResult).rest]).toEqual([1, 2, 3]);
  });

  it("have other keys on every connection", () => {
    const first = results(shake(source(SECRET), target(SECRET)));
    const second = results(shake(source(SECRET, false, 50), target(SECRET, 60)));
    const half = results(shake(source(SECRET), target(SECRET, 60)));
    const frame = joined(first.source.channel.encode({ kind: "bye" }));
    for (const other of [second, half]) {
      expect(() => other.target.channel.receive(frame)).toThrow(/check of frame 0/);
    }
  });
});

describe("two ends that do not fit", () => {
  const fails = (shaken: Shaken, atSource: RegExp, atTarget: RegExp) => {
    expect(`${shaken.source}`).toMatch(atSource);
    expect(`${shaken.target}`).toMatch(atTarget);
  };

  it("both say that one has a secret and the other none", () => {
    const lacks = /the source has a secret and the target has none; give both/;
    fails(shake(source(SECRET), target()), lacks, lacks);
    const needs = /the target has a secret and the source has none; give both/;
    fails(shake(source(), target(SECRET)), needs, needs);
  });

  it("a wrong secret is refused, and nothing told about it", () => {
    const [a, b] = [source(OTHER), target(SECRET)];
    b.receive(joined(a.output.splice(0)));
    a.receive(joined(b.output.splice(0)));
    expect(() => b.receive(joined(a.output.splice(0)))).toThrow(/source does not know the secret/);
    // One byte, whatever was wrong.
    expect(b.output.map((part) => part.length)).toEqual([1]);
    expect(() => a.receive(joined(b.output))).toThrow(/the target refused the secret/);
  });

  it("a target that says yes without knowing the secret is found out", () => {
    const [a, b] = [source(SECRET), target(OTHER)];
    b.receive(joined(a.output.splice(0)));
    a.receive(joined(b.output.splice(0)));
    const yes = new Uint8Array(33);
    expect(() => a.receive(yes)).toThrow(/target does not know the secret, though it says so/);
  });

  it("a source's proof sent back proves nothing", () => {
    const [a, b] = [source(SECRET), target(OTHER)];
    b.receive(joined(a.output.splice(0)));
    a.receive(joined(b.output.splice(0)));
    const proof = joined(a.output);
    expect(proof).toHaveLength(32);
    expect(() => a.receive(joined([Uint8Array.of(0), proof]))).toThrow(/does not know the secret/);
  });

  it("what was said on another connection proves nothing", () => {
    const [a, b] = [source(SECRET), target(SECRET)];
    const said: Uint8Array[] = [];
    said.push(...a.output);
    b.receive(joined(a.output.splice(0)));
    a.receive(joined(b.output.splice(0)));
    said.push(...a.output);
    expect(b.receive(joined(a.output))).toBeDefined();
    const later = target(SECRET, 66);
    expect(() => later.receive(joined(said))).toThrow(/does not know the secret/);
  });

  it("another version is named at both ends", () => {
    const [a, b] = [source(), target()];
    const hello = joined(a.output.splice(0));
    hello[8] = 2;
    expect(() => b.receive(hello)).toThrow(/speaks version 2 of the protocol, this one version 1/);
    const answer = joined(b.output);
    expect(() => a.receive(answer)).toThrow(/does not speak version 1/);
    answer[8] = 3;
    expect(() => source().receive(answer)).toThrow(/speaks version 3 .* version 1; install/);
  });

  it("a stranger is found at its first wrong byte and is told nothing", () => {
    const b = target();
    expect(() => b.receive(new TextEncoder().encode("GET / HTTP/1.1"))).toThrow(/does not speak/);
    expect(b.output).toEqual([]);
    expect(() => source().receive(new TextEncoder().encode("PRO"))).toThrow(/does not speak/);
  });

  it("a hello that was changed on the way ends in no channel that works", () => {
    const length = joined(source(SECRET).output).length;
    for (let i = 0; i < length; i++) {
      const [a, b] = [source(SECRET), target(SECRET)];
      const hello = joined(a.output.splice(0));
      hello[i] = (hello[i] as number) ^ 1;
      a.output.push(hello);
      const shaken = shake(a, b);
      expect(shaken.target, `byte ${i}`).toBeInstanceOf(Error);
      // A stranger is told nothing.
      if (i < 8) expect(shaken.source, `byte ${i}`).toBeUndefined();
      else expect(shaken.source, `byte ${i}`).toBeInstanceOf(Error);
    }
  });

  it("a secret that is too short is refused by its owner", () => {
    expect(() => target(new Uint8Array(7))).toThrow(/has 7 bytes, at least 8 are needed/);
  });
});
