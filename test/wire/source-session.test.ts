/** What a source believes of a target, and when; what it may say itself. */
import { describe, expect, it } from "vitest";
import { NO_RUNS, SourceSession, type TargetMessage } from "../../src/wire/index.js";
import { ABSENT, EPOCH, FINISH, GO, pages, prepare, STATE } from "./said.js";
import { GUEST } from "./wire-ends.js";

const MIB = 2 ** 20;

function source(authenticated = false): SourceSession {
  return new SourceSession({ epoch: EPOCH, guestPages: GUEST.pages, authenticated });
}

/** A source that has come so far. */
function sourceAt(
  stage: "fresh" | "asked" | "prepared" | "finished" | "whole" | "given" | "running",
  { postCopy = false, authenticated = false } = {},
): SourceSession {
  const session = source(authenticated);
  const on: [typeof stage, () => void][] = [
    ["fresh", () => session.say(prepare(postCopy))],
    ["asked", () => session.receive({ kind: "prepared", atNs: 0, windowBytes: 100 })],
    [
      "prepared",
      () => {
        if (postCopy) session.say(ABSENT);
        session.say(STATE);
        session.say(FINISH);
      },
    ],
    ["finished", () => session.receive(WHOLE)],
    [
      "whole",
      () => {
        expect(session.permit(EPOCH)).toBe(true);
        session.say(GO);
      },
    ],
    ["given", () => session.receive({ kind: "running", atNs: 0 })],
  ];
  for (const [name, step] of on) {
    if (name === stage) return session;
    step();
  }
  return session;
}

const WHOLE: TargetMessage = { kind: "image-complete", atNs: 0, verifyNs: 0, checkedPages: 0 };
const RUNNING: TargetMessage = { kind: "running", atNs: 0 };
const REFUSED: TargetMessage = { kind: "refused-to-run", epoch: EPOCH, reason: "late" };
const STANDING: TargetMessage = {
  kind: "standing",
  epoch: EPOCH,
  stage: "whole",
  absent: NO_RUNS,
};

describe("a source", () => {
  it("believes nothing that a target may not say", () => {
    const prepared: TargetMessage = { kind: "prepared", atNs: 0, windowBytes: 1 };
    const wrong: [Parameters<typeof sourceAt>[0], TargetMessage][] = [
      ["fresh", prepared],
      ["fresh", { kind: "failed", reason: "" }],
      ["fresh", REFUSED],
      ["prepared", prepared],
      ["prepared", { kind: "refused", reason: "" }],
      ["prepared", WHOLE],
      ["prepared", RUNNING],
      ["prepared", { kind: "answers", wanted: new Uint8Array(1) }],
      ["prepared", { kind: "taken", pages: 1, bytes: 0 }],
      ["prepared", { kind: "taken", pages: 0, bytes: 1 }],
      ["prepared", { kind: "pong", atNs: 1, receivedNs: 1 }],
      ["prepared", { kind: "fault", page: 1 }],
      ["prepared", STANDING],
      ["whole", WHOLE],
      ["whole", RUNNING],
      ["whole", { ...REFUSED, epoch: EPOCH - 1 }],
      ["given", { ...REFUSED, epoch: EPOCH + 1 }],
      ["given", { kind: "announced", atNs: 0 }],
      ["given", { kind: "all-received", atNs: 0 }],
      ["given", { kind: "fault", page: 1 }],
      ["running", REFUSED],
    ];
    for (const [stage, message] of wrong) {
      const session = sourceAt(stage);
      const before = session.guestIsHere;
      const what = `${message.kind} to one that is ${stage}`;
      expect(() => session.receive(message), what).toThrow(/the target said .* when it may not/);
      expect(session.guestIsHere, what).toBe(before);
    }
  });

  it("hands on each of the target's words once", () => {
    const session = sourceAt("given");
    expect(session.receive(RUNNING)).toMatchObject([{ kind: "peer", message: "running" }]);
    expect(session.receive(RUNNING)).toEqual([]);
    const announced: TargetMessage = { kind: "announced", atNs: 0 };
    expect(session.receive(announced)).toMatchObject([{ message: "announced" }]);
    expect(session.receive(announced)).toEqual([]);
  });

  it("cancels before the commit point and not after it; permits what was not cancelled", () => {
    const early = sourceAt("whole");
    expect(early.cancel()).toBe(true);
    expect(early.permit(EPOCH)).toBe(false);
    expect(early.guestIsHere).toBe(true);
    const late = sourceAt("whole");
    expect(late.permit(EPOCH)).toBe(true);
    expect(late.cancel()).toBe(false);
    expect(late.guestIsHere).toBe(false);
    expect(() => late.permit(EPOCH)).toThrow(/once/);
    expect(() => sourceAt("whole").permit(EPOCH + 1)).toThrow(/epoch 5/);
    expect(sourceAt("finished").permit(EPOCH)).toBe(false);
    const cut = sourceAt("whole");
    cut.connectionLost();
    expect(cut.permit(EPOCH)).toBe(false);
  });

  it("never says GO without permission", () => {
    for (const stage of ["prepared", "finished", "whole"] as const) {
      expect(() => sourceAt(stage).say(GO)).toThrow(/GO needs permission/);
    }
  });

  it("has its guest back when its own epoch is refused, over a channel like the first", () => {
    const session = sourceAt("given");
    expect(session.receive(REFUSED)).toMatchObject([{ message: "refused-to-run" }]);
    expect(session.guestIsHere).toBe(true);
    expect(session.receive(REFUSED)).toEqual([]);
    expect(() => session.receive(RUNNING)).toThrow(/it refused to run/);

    const trusted = sourceAt("given", { authenticated: true });
    trusted.connectionLost();
    expect(() => trusted.resumed(false)).toThrow(/not authenticated/);
    expect(() => trusted.receive(REFUSED)).toThrow(/over a connection/);
    expect(trusted.guestIsHere).toBe(false);
    trusted.resumed(true);
    trusted.receive(REFUSED);
    expect(trusted.guestIsHere).toBe(true);
  });

  it("first hears on a resumed connection how far the target is", () => {
    const resumed = (stage: "given" | "running" = "given") => {
      const session = sourceAt(stage);
      session.connectionLost();
      session.resumed(false);
      return session;
    };
    expect(() => resumed().receive(RUNNING)).toThrow(/before it said how far it is/);
    expect(() => resumed().receive({ ...STANDING, epoch: 1 })).toThrow(/epoch 1/);
    const beyond = { ...STANDING, absent: Uint32Array.of(60, 5) };
    expect(() => resumed().receive(beyond)).toThrow(/page 64 is absent/);
    expect(() => resumed("running").receive(STANDING)).toThrow(/it ran already/);
    const session = resumed();
    expect(session.receive(STANDING)).toEqual([STANDING]);
    expect(session.receive(RUNNING)).toMatchObject([{ message: "running" }]);
    expect(() => session.receive(STANDING)).toThrow(/nothing was resumed/);
  });

  it("sends within the target's window; faults are a little ahead of it", () => {
    const session = sourceAt("prepared");
    expect(session.hasRoom(5000, false)).toBe(true);
    session.say(pages({ frame: new Uint8Array(60) }));
    expect([40, 41].map((bytes) => session.hasRoom(bytes, false))).toEqual([true, false]);
    expect([41, MIB + 41].map((bytes) => session.hasRoom(bytes, true))).toEqual([true, false]);
    session.receive({ kind: "taken", pages: 1, bytes: 60 });
    expect(session.hasRoom(5000, false)).toBe(true);
    session.say(pages());
    session.receive({ kind: "taken", pages: 0, bytes: 10 });
    expect(() => session.receive({ kind: "taken", pages: 2, bytes: 0 })).toThrow(/2 pages of 1/);
  });

  it("gets an answer for each question, and a pong for the ping it was", () => {
    const session = sourceAt("prepared");
    session.say({ kind: "ask", digests: new Uint8Array(40) });
    const answers: TargetMessage = { kind: "answers", wanted: new Uint8Array(1) };
    expect(session.receive(answers)).toEqual([answers]);
    expect(() => session.receive(answers)).toThrow(/0 questions/);
    for (const atNs of [1, 2, 3]) session.say({ kind: "ping", atNs });
    const pong: TargetMessage = { kind: "pong", atNs: 2, receivedNs: 9 };
    expect(session.receive(pong)).toEqual([pong]);
    expect(() => session.receive({ ...pong, atNs: 1 })).toThrow(/no ping of 1 ns/);
  });

  it("hears faults in post-copy alone, of pages that there are", () => {
    const session = sourceAt("running", { postCopy: true });
    const fault = (page: number): TargetMessage => ({ kind: "fault", page });
    expect(session.receive(fault(63))).toEqual([fault(63)]);
    expect(() => session.receive(fault(64))).toThrow(/page 64 is not absent/);
    session.say({ kind: "finish-residual" });
    const all: TargetMessage = { kind: "all-received", atNs: 1 };
    expect(session.receive(all)).toMatchObject([{ message: "all-received" }]);
    expect(session.receive(all)).toEqual([]);
    expect(session.receive(fault(1))).toEqual([]);
  });
});
