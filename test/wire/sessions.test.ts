/** What each end takes and says in which state; orders that the hand-over's search does not have. */
import { describe, expect, it } from "vitest";
import {
  NO_RUNS,
  type PagesMessage,
  type SourceMessage,
  SourceSession,
  type TargetMessage,
  TargetSession,
} from "../../src/wire/index.js";
import { GUEST } from "./wire-ends.js";

const EPOCH = 5;
const MIB = 2 ** 20;

function target(limits: { windowBytes?: number; memoryBytesMax?: number } = {}): TargetSession {
  const options = { windowBytes: 100, patienceNs: 50, memoryBytesMax: MIB, ...limits };
  return new TargetSession({ epoch: EPOCH, ...options });
}

function source(authenticated = false): SourceSession {
  return new SourceSession({ epoch: EPOCH, guestPages: GUEST.pages, authenticated });
}

function pages(over: Partial<PagesMessage> = {}): PagesMessage {
  const numbers = { pages: Uint32Array.of(1), checks: BigUint64Array.of(0n) };
  const frame = new Uint8Array(10);
  return { kind: "pages", region: "ram", urgent: false, ...numbers, frame, packets: [], ...over };
}

const prepare = (postCopy = false): SourceMessage => {
  return { kind: "prepare", guest: GUEST, postCopy, codecs: "" };
};
const STATE: SourceMessage = { kind: "device-state", state: new Uint8Array(1) };
const FINISH: SourceMessage = { kind: "finish", epoch: EPOCH };
const GO: SourceMessage = { kind: "go", epoch: EPOCH };
const ABSENT: SourceMessage = { kind: "absent", region: "ram", runs: Uint32Array.of(0, 64) };

/** A target at this stage. */
function targetAt(stage: TargetSession["stage"], postCopy = false): TargetSession {
  const session = target();
  const on = [
    () => session.handle(prepare(postCopy), 0),
    () => session.prepared(0),
    () => {
      if (postCopy) session.handle(ABSENT, 0);
      session.handle(STATE, 0);
      session.handle(FINISH, 0);
    },
    () => session.completed(0, 0, 0),
    () => session.handle(GO, 0),
    () => session.ran(7),
  ];
  for (const step of on) {
    if (session.stage === stage) return session;
    step();
  }
  expect(session.stage).toBe(stage);
  return session;
}

const kinds = (steps: readonly { kind: string; message?: unknown }[]) =>
  steps.map(({ kind, message }) => {
    return kind === "say" ? `say ${(message as TargetMessage).kind}` : kind;
  });

describe("a target", () => {
  it("takes nothing out of its turn: before GO that is the attempt's end", () => {
    const wrong: [TargetSession["stage"], SourceMessage][] = [
      ["idle", pages()],
      ["idle", FINISH],
      ["idle", GO],
      ["reserving", pages()],
      ["reserving", prepare()],
      ["receiving", prepare()],
      ["receiving", FINISH],
      ["receiving", GO],
      ["receiving", ABSENT],
      ["receiving", { kind: "finish-residual" }],
      ["receiving", { kind: "bye" }],
      ["receiving", pages({ pages: Uint32Array.of(64) })],
      ["receiving", { kind: "empty", region: "ram", runs: Uint32Array.of(63, 2) }],
      ["completing", pages()],
      ["completing", GO],
      ["whole", pages()],
      ["whole", STATE],
      ["whole", { kind: "go", epoch: EPOCH + 1 }],
    ];
    for (const [stage, message] of wrong) {
      const session = targetAt(stage);
      const steps = session.handle(message, 0);
      const what = `${message.kind} while ${stage}`;
      const reserved = stage === "idle" ? [] : ["abort"];
      expect(kinds(steps), what).toEqual(["say failed", ...reserved, "close"]);
      expect(steps.at(-1)).toMatchObject({ error: { code: "protocol" } });
      expect(session.stage, what).toBe("refused");
      // From now on every permission comes too late.
      expect(kinds(session.handle(GO, 0)), what).toEqual(["say refused-to-run"]);
    }
  });

  it("goes on running, whatever it is told after GO", () => {
    const wrong = [prepare(), pages(), STATE, FINISH, ABSENT, { kind: "finish-residual" } as const];
    for (const message of [...wrong, { kind: "go", epoch: EPOCH + 1 } as const]) {
      for (const stage of ["starting", "running"] as const) {
        const session = targetAt(stage);
        expect(kinds(session.handle(message, 0)), message.kind).toEqual(["close"]);
        expect(session.stage).toBe(stage);
      }
    }
    const session = targetAt("running");
    expect(kinds(session.handle({ kind: "abort", reason: "no" }, 0))).toEqual([]);
    expect(session.stage).toBe("running");
  });

  it("runs at the first GO and says so at each one", () => {
    const session = targetAt("whole");
    expect(session.handle(GO, 0)).toEqual([{ kind: "run", epoch: EPOCH }]);
    expect(session.handle(GO, 0)).toEqual([]);
    session.ran(7);
    session.announced(9);
    const again = [
      { kind: "say", message: { kind: "running", atNs: 7 } },
      { kind: "say", message: { kind: "announced", atNs: 9 } },
    ];
    expect(session.handle(GO, 0)).toEqual(again);
    session.connectionLost(0);
    const standing = { kind: "standing", epoch: EPOCH, stage: "running", absent: NO_RUNS };
    expect(session.resumed(0)).toEqual([{ kind: "say", message: standing }, ...again]);
  });

  it("waits for GO as long as its patience lasts, no longer and no shorter", () => {
    const session = targetAt("whole");
    expect(session.connectionLost(100)).toEqual([{ kind: "wait", untilNs: 150 }]);
    expect(session.gaveUp(149)).toEqual([]);
    expect(kinds(session.resumed(149))).toEqual(["say standing"]);
    expect(session.gaveUp(150)).toEqual([]);
    session.connectionLost(200);
    expect(kinds(session.gaveUp(250))).toEqual(["abort"]);
    expect(kinds(session.resumed(260))).toEqual(["say refused-to-run"]);
    expect(kinds(session.handle(GO, 261))).toEqual(["say refused-to-run"]);
  });

  it("ends at once when the link breaks before it has said that the image is whole", () => {
    for (const stage of ["reserving", "receiving", "completing"] as const) {
      const session = targetAt(stage);
      expect(kinds(session.connectionLost(0)), stage).toEqual(["abort"]);
      expect(session.settled).toBe(true);
      // What the driver was still doing means nothing.
      const late = [session.prepared(0), session.completed(0, 0, 0), session.failed("late")];
      expect(late).toEqual([[], [], []]);
    }
  });

  it("refuses a guest that is too large, and reserves nothing", () => {
    const session = target({ memoryBytesMax: 64 * 4096 - 1 });
    expect(session.handle(prepare(), 0)).toEqual([
      {
        kind: "say",
        message: {
          kind: "refused",
          reason: "the guest has 262144 bytes, this target takes 1 to 262143",
        },
      },
    ]);
  });

  it("takes a window of pages, one frame of any size, and says what it has applied", () => {
    const session = targetAt("receiving");
    const big = pages({ frame: new Uint8Array(3 * MIB) });
    expect(session.handle(big, 0)).toMatchObject([{ kind: "apply", residual: false }]);
    expect(kinds(session.handle(pages(), 0))).toEqual(["say failed", "abort", "close"]);

    const other = targetAt("receiving");
    const packets = [{ channel: 1, bytes: new Uint8Array(90) }];
    const full = pages({ packets });
    expect(kinds(other.handle(full, 0))).toEqual(["apply"]);
    const taken = { kind: "taken", pages: 1, bytes: 100 };
    expect(other.applied(full)).toEqual([{ kind: "say", message: taken }]);
    expect(kinds(other.handle(full, 0))).toEqual(["apply"]);
  });

  it("in post-copy asks for pages, also after a break, and says once that it has all", () => {
    const session = targetAt("running", true);
    expect(session.faulted(3)).toEqual([{ kind: "say", message: { kind: "fault", page: 3 } }]);
    expect(session.settled).toBe(false);
    expect(session.connectionLost(10)).toEqual([{ kind: "wait", untilNs: 60 }]);
    expect(session.faulted(4)).toEqual([]);
    const absent = Uint32Array.of(4, 2);
    expect(session.resumed(20, absent)[0]).toMatchObject({ message: { kind: "standing", absent } });
    expect(session.handle(pages(), 0)).toMatchObject([{ kind: "apply", residual: true }]);
    const last: SourceMessage = { kind: "finish-residual" };
    expect(kinds(session.handle(last, 0))).toEqual(["check-residual"]);
    expect(session.handle(last, 0)).toEqual([]);
    expect(kinds(session.allReceived(30))).toEqual(["say all-received"]);
    expect(kinds(session.handle(last, 0))).toEqual(["say all-received"]);
    expect(session.connectionLost(40)).toEqual([]);
  });

  it("in post-copy stops a guest whose rest does not come", () => {
    const late = targetAt("running", true);
    late.connectionLost(0);
    expect(kinds(late.gaveUp(50))).toEqual(["abandon"]);
    expect(kinds(late.resumed(60))).toEqual(["say standing", "say failed"]);
    const told = targetAt("running", true);
    expect(kinds(told.handle({ kind: "abort", reason: "lost" }, 0))).toEqual(["abandon"]);
  });

  it("sets the source free when the machine could not be started at all", () => {
    const session = targetAt("starting");
    expect(kinds(session.couldNotRun("no CPU"))).toEqual(["say refused-to-run", "abort"]);
    expect(kinds(session.handle(GO, 0))).toEqual(["say refused-to-run"]);
  });

  it("answers pings with both clocks", () => {
    const said = { kind: "pong", atNs: 11, receivedNs: 22 };
    expect(target().handle({ kind: "ping", atNs: 11 }, 22)).toEqual([
      { kind: "say", message: said },
    ]);
  });
});

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
