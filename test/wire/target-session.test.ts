/** What a target takes and says in which state; orders that the hand-over's search does not have. */
import { describe, expect, it } from "vitest";
import {
  NO_RUNS,
  type SourceMessage,
  type TargetMessage,
  TargetSession,
} from "../../src/wire/index.js";
import { ABSENT, EPOCH, FINISH, GO, pages, prepare, STATE } from "./said.js";

const MIB = 2 ** 20;

function target(limits: { windowBytes?: number; memoryBytesMax?: number } = {}): TargetSession {
  const options = { windowBytes: 100, patienceNs: 50, memoryBytesMax: MIB, ...limits };
  return new TargetSession({ epoch: EPOCH, ...options });
}

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
    const early = targetAt("starting", true);
    expect(kinds(early.handle({ kind: "abort", reason: "lost" }, 0))).toEqual(["abandon"]);
    expect([early.ran(1), early.couldNotRun("late"), early.announced(2)]).toEqual([[], [], []]);
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
