/**
 * A peer that says anything at any time: each end answers with steps or a `protocol` error, never with
 * a bug of ours; a guest is run once at most, never after a refusal and never refused after it ran.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import {
  type SourceMessage,
  SourceSession,
  type TargetMessage,
  TargetSession,
  type TargetStep,
} from "../../src/wire/index.js";
import { messageOf } from "./hand-over-script.js";
import { channels, sourceMessage, targetMessage } from "./wire-ends.js";

const EPOCH = 3;
const EMPTY = new Uint32Array(0);
const runs = { kind: "absent", region: "ram", runs: Uint32Array.of(0, 9) } as const;

/** Plausible words come more often than arbitrary ones, so that sessions get anywhere. */
const anySource = fc.oneof(
  { weight: 3, arbitrary: sourceMessage },
  {
    weight: 7,
    arbitrary: fc
      .constantFrom("prepare", "pages", "absent", "device-state", "finish", "go", "bye")
      .map((step) => messageOf(step, EPOCH, true) as SourceMessage),
  },
);

const anyTarget = fc.oneof(
  { weight: 3, arbitrary: targetMessage },
  {
    weight: 7,
    arbitrary: fc.constantFrom<TargetMessage>(
      { kind: "prepared", atNs: 0, windowBytes: 100 },
      { kind: "image-complete", atNs: 0, verifyNs: 0, checkedPages: 0 },
      { kind: "running", atNs: 0 },
      { kind: "announced", atNs: 0 },
      { kind: "all-received", atNs: 0 },
      { kind: "refused-to-run", epoch: EPOCH, reason: "" },
      { kind: "fault", page: 1 },
      { kind: "taken", pages: 1, bytes: 8 },
      { kind: "failed", reason: "" },
      { kind: "standing", epoch: EPOCH, stage: "whole", absent: EMPTY },
    ),
  },
);

/** A driver that does what it is told, in order, and forgets what an abort goes ahead of. */
class Driver {
  readonly session = new TargetSession({
    epoch: EPOCH,
    windowBytes: 100,
    patienceNs: 10,
    memoryBytesMax: 2 ** 20,
  });
  runs = 0;
  refusals = 0;
  private connected = true;
  private todo: TargetStep[] = [];
  private nowNs = 0;

  act(action: SourceMessage | "work" | "fail" | "lost" | "resumed" | "late"): void {
    const { session } = this;
    this.nowNs += 5;
    if (action === "work" || action === "fail") return this.work(action === "fail");
    if (action === "late") return this.take(session.gaveUp(this.nowNs + 20));
    if (action === "lost") {
      this.connected = false;
      return this.take(session.connectionLost(this.nowNs));
    }
    if (action === "resumed") {
      while (this.todo.length > 0) this.work(false);
      this.connected = true;
      return this.take(session.resumed(this.nowNs));
    }
    if (this.connected) this.take(session.handle(action, this.nowNs));
  }

  private work(fails: boolean): void {
    const { session, nowNs } = this;
    const step = this.todo.shift();
    if (step === undefined) return;
    if (fails && step.kind !== "run") return this.take(session.failed("it cannot"));
    switch (step.kind) {
      case "reserve":
        return this.take(session.prepared(nowNs));
      case "apply":
        // A guest that runs must not have its pages taken back to what they were.
        expect(step.residual).toBe(this.runs > 0 || session.committed);
        return this.take(session.applied(step.message));
      case "answer-ask":
        return this.take(session.answered(new Uint8Array(1)));
      case "complete":
        return this.take(session.completed(nowNs, 0, 0));
      case "check-residual":
        return this.take(session.allReceived(nowNs));
      case "run":
        if (fails) return this.take(session.couldNotRun("no CPU"));
        this.runs++;
        expect(this.refusals).toBe(0);
        this.take(session.ran(nowNs));
        this.take(session.announced(nowNs));
    }
  }

  private take(steps: readonly TargetStep[]): void {
    for (const step of steps) {
      if (step.kind === "say") {
        expect(this.connected).toBe(true);
        if (step.message.kind !== "refused-to-run") continue;
        this.refusals++;
        expect(this.runs).toBe(0);
      } else if (step.kind === "abort" || step.kind === "abandon") {
        this.todo = [];
        if (step.kind === "abort") expect(this.runs).toBe(0);
      } else if (step.kind === "close") {
        this.connected = false;
        if (step.error !== undefined) this.take(this.session.connectionLost(this.nowNs));
      } else if (step.kind !== "wait") {
        this.todo.push(step);
      }
    }
  }
}

describe("a hostile source", () => {
  it("runs no guest twice, none that was refused, and breaks nothing", () => {
    let ran = 0;
    const action = fc.oneof(
      { weight: 4, arbitrary: anySource },
      { weight: 4, arbitrary: fc.constant("work" as const) },
      {
        weight: 2,
        arbitrary: fc.constantFrom("fail" as const, "lost" as const, "resumed" as const, "late"),
      },
    );
    // Some begin as they should, so that what comes after GO is met too.
    const begun = ["prepare", "absent", "device-state", "finish", "go"];
    fc.assert(
      fc.property(fc.nat(begun.length), fc.array(action, { maxLength: 30 }), (known, actions) => {
        const driver = new Driver();
        for (const step of begun.slice(0, known)) {
          driver.act(messageOf(step, EPOCH, true) as SourceMessage);
          driver.act("work");
        }
        for (const next of actions) driver.act(next as Parameters<Driver["act"]>[0]);
        expect(driver.runs).toBeLessThanOrEqual(1);
        ran += driver.runs;
      }),
      { numRuns: 2000 },
    );
    expect(ran).toBeGreaterThan(100);
  });
});

describe("a hostile target", () => {
  it("never gets the guest to run here after the commit point but by refusing it first", () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: anyTarget },
      { weight: 2, arbitrary: fc.constantFrom("ping" as const, "cancel" as const, "cut" as const) },
    );
    let freed = 0;
    fc.assert(
      fc.property(fc.boolean(), fc.array(action, { maxLength: 30 }), (given, actions) => {
        const session = new SourceSession({ epoch: EPOCH, guestPages: 64, authenticated: false });
        let permitted = false;
        let said = "";
        if (given) {
          permitted = giveAll(session);
          expect(permitted).toBe(true);
        }
        for (const next of actions) {
          if (next === "cancel") {
            expect(session.cancel()).toBe(!permitted || said === "refused-to-run");
          } else if (next === "cut") {
            session.connectionLost();
            if (permitted) session.resumed(false);
            else return;
          } else if (next === "ping") {
            session.say({ kind: "ping", atNs: 1 });
          } else {
            said = heard(session, next) ?? said;
          }
          expect(session.guestIsHere).toBe(!permitted || said === "refused-to-run");
        }
        if (permitted && session.guestIsHere) freed++;
      }),
      { numRuns: 2000 },
    );
    expect(freed).toBeGreaterThan(50);
  });

  /** Everything up to GO, as it should be. */
  function giveAll(session: SourceSession): boolean {
    session.say(messageOf("prepare", EPOCH, true) as SourceMessage);
    session.receive({ kind: "prepared", atNs: 0, windowBytes: 100 });
    session.say(runs);
    session.say(messageOf("finish", EPOCH, true) as SourceMessage);
    session.receive({ kind: "image-complete", atNs: 0, verifyNs: 0, checkedPages: 0 });
    const permitted = session.permit(EPOCH);
    session.say({ kind: "go", epoch: EPOCH });
    return permitted;
  }

  /** Which of the two words that count after GO was believed. */
  function heard(session: SourceSession, message: TargetMessage): string | undefined {
    try {
      const [step] = session.receive(message);
      if (step?.kind !== "peer") return undefined;
      return step.message === "refused-to-run" || step.message === "running"
        ? step.message
        : undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(PrecopyError);
      expect((error as PrecopyError).code).toBe("protocol");
      return undefined;
    }
  }
});

describe("any bytes at all", () => {
  it("are a protocol error or wait for more", () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(fc.boolean(), sourceMessage, fc.nat(400), bytes, (secret, message, at, junk) => {
        const { source, target } = channels(secret);
        const frame = source.encode(message).flatMap((part) => [...part]);
        frame.splice(at, junk.length, ...junk);
        try {
          target.receive(Uint8Array.from(frame));
        } catch (error) {
          expect((error as PrecopyError).code).toBe("protocol");
        }
      }),
      { numRuns: 500 },
    );
  });
});
