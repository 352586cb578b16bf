/** Who comes back finds his own; what was refused stays so; what was forgotten is not vouched for. */
import { describe, expect, it } from "vitest";
import { type BookAnswer, SessionBook, TargetSession } from "../../src/wire/index.js";
import { GUEST } from "./wire-ends.js";

const id = (n: number) => new Uint8Array(16).fill(n);

function open(book: SessionBook, n: number, epoch: number, resumes = false): BookAnswer {
  const limits = { windowBytes: 100, patienceNs: 50, memoryBytesMax: 2 ** 20 };
  const create = () => new TargetSession({ epoch, ...limits });
  return book.open({ sessionId: id(n), epoch, resumes }, create);
}

function sessionOf(answer: BookAnswer): TargetSession {
  if (answer.kind === "no") throw new Error(`no: ${answer.say.kind}`);
  return answer.session;
}

function toReceiving(session: TargetSession): void {
  session.handle({ kind: "prepare", guest: GUEST, postCopy: false, codecs: "" }, 0);
  session.prepared(0);
}

function toWhole(session: TargetSession): void {
  toReceiving(session);
  session.handle({ kind: "device-state", state: id(0) }, 0);
  session.handle({ kind: "finish", epoch: session.epoch }, 0);
  session.completed(0, 0, 0);
}

function toEnd(session: TargetSession): void {
  toWhole(session);
  session.handle({ kind: "go", epoch: session.epoch }, 0);
  session.ran(0);
  session.announced(0);
}

const book = (openMax = 2, recordsMax = 3) => new SessionBook({ openMax, recordsMax });

describe("a book of sessions", () => {
  it("gives who comes back the session that it left", () => {
    const b = book();
    const session = sessionOf(open(b, 1, 1));
    const other = sessionOf(open(b, 2, 1));
    expect(open(b, 1, 1, true)).toEqual({ kind: "resumes", session });
    expect(sessionOf(open(b, 2, 1, true))).toBe(other);
  });

  it("says of what it does not know neither that it ran nor that it never will", () => {
    const unknown = { kind: "no", say: { kind: "standing", stage: "unknown" } };
    const b = book();
    expect(open(b, 1, 1, true)).toMatchObject(unknown);
    open(b, 1, 5);
    expect(open(b, 1, 6, true)).toMatchObject(unknown);
    // Before its first attempt here it may have run, and been forgotten.
    expect(open(b, 1, 4, true)).toMatchObject(unknown);
  });

  it("begins a later attempt when the one before is refused, or refuses it for that", () => {
    const b = book();
    const first = sessionOf(open(b, 1, 1));
    toWhole(first);
    const second = open(b, 1, 4);
    expect(second).toMatchObject({ kind: "new", superseded: { steps: [{ kind: "abort" }] } });
    expect(first.stage).toBe("refused");
    // None of them ran here, nor will.
    for (const epoch of [1, 2, 3]) {
      const say = { kind: "refused-to-run", epoch };
      expect(open(b, 1, epoch, true)).toMatchObject({ kind: "no", say });
    }
    for (const epoch of [1, 4]) {
      expect(open(b, 1, epoch)).toMatchObject({ kind: "no", say: { kind: "refused" } });
    }
  });

  it("begins no attempt beside a guest that runs", () => {
    const b = book();
    toEnd(sessionOf(open(b, 1, 1)));
    expect(open(b, 1, 2)).toMatchObject({ kind: "no", say: { kind: "refused" } });
    expect(open(b, 1, 1, true).kind).toBe("resumes");
  });

  it("keeps a refusal, and answers with it", () => {
    const b = book();
    const session = sessionOf(open(b, 1, 1));
    toReceiving(session);
    session.connectionLost(0);
    const again = sessionOf(open(b, 1, 1, true)).resumed(0);
    expect(again).toMatchObject([{ kind: "say", message: { kind: "refused-to-run", epoch: 1 } }]);
  });

  it("takes no more at once than it may, and forgets the oldest that is settled", () => {
    const b = book();
    const sessions = [1, 2].map((n) => sessionOf(open(b, n, 1)));
    expect(open(b, 3, 1)).toMatchObject({
      say: { reason: "2 migrations are under way, at most 2" },
    });
    for (const session of sessions) toEnd(session);
    for (let n = 3; n < 50; n++) {
      const session = sessionOf(open(b, n, 1));
      expect(b.size).toBeLessThanOrEqual(3);
      toEnd(session);
    }
    expect(open(b, 1, 1, true)).toMatchObject({ say: { stage: "unknown" } });
    expect(open(b, 49, 1, true).kind).toBe("resumes");
    const live = sessionOf(open(b, 50, 1));
    for (let n = 51; n < 60; n++) toEnd(sessionOf(open(b, n, 1)));
    expect(sessionOf(open(b, 50, 1, true))).toBe(live);
  });
});
