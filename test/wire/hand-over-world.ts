/**
 * Two sessions, the least drivers that carry out what they say, and a link that can break: a world
 * whose every action can be tried from every state. Both ends notice a broken link by themselves, at
 * any time later; what was under way is lost.
 */
import {
  SessionBook,
  type SourceMessage,
  SourceSession,
  type SourceStep,
  type TargetMessage,
  type TargetStep,
} from "../../src/wire/index.js";
import { messageOf, scriptOf } from "./hand-over-script.js";
import { type Mutant, WrongTarget } from "./wrong-target.js";

const SESSION_ID = new Uint8Array(16);
const EPOCH = 3;
const PATIENCE_NS = 10;

export interface WorldOptions {
  readonly postCopy: boolean;
  /** How often each may happen at most. */
  readonly cuts?: number;
  readonly cancels?: number;
  readonly sourceKills?: number;
  readonly targetKills?: number;
  /** What the target cannot do: reserve, complete, run. */
  readonly failures?: number;
  /** The source may lose patience though the link is up. */
  readonly slow?: boolean;
  readonly mutant?: Mutant | undefined;
}

type Outcome = "" | "source-runs" | "target-runs" | "in-doubt" | "lost";
/** Where the migration is when something happens to it, as the source knows it. */
export type Phase = "before-commit" | "committed" | "running" | "residual" | "ended";

export class World {
  /** Frames under way; dropped when the link breaks. */
  private toTarget: SourceMessage[] = [];
  private toSource: TargetMessage[] = [];
  private linkUp = true;
  /** The target has said no and listens no longer. */
  private deaf = false;

  private session = new SourceSession({ epoch: EPOCH, guestPages: 64, authenticated: false });
  sourceRuns = true;
  outcome: Outcome = "";
  private sourceAlive = true;
  private sourceLinked = true;
  private readonly script: readonly string[];
  /** What of the script comes next. */
  private at = 0;
  private heard: string[] = [];

  private book = new SessionBook({ openMax: 1, recordsMax: 1 });
  private target: WrongTarget | undefined;
  targetRuns = false;
  private targetLinked = true;
  private todo: (TargetStep | { kind: "announce" })[] = [];
  private deadlineNs: number | undefined;
  private reserved = false;
  private runs = 0;

  private spent: Record<string, number> = {};
  /** What happened, and when; for a table of outcomes. */
  struck: string[] = [];

  constructor(readonly options: WorldOptions) {
    this.script = scriptOf(options.postCopy);
    this.target = this.openNew();
  }

  /** What may happen next. */
  actions(): { readonly must: string[]; readonly may: string[] } {
    const must: string[] = [];
    const may: string[] = [];
    if (this.linkUp && this.toTarget.length > 0) must.push("deliver to target");
    if (this.linkUp && this.toSource.length > 0) must.push("deliver to source");
    if (this.sourceLinked && !this.linkUp && this.sourceAlive) must.push("source notices");
    if (this.targetLinked && !this.linkUp && this.target !== undefined) must.push("target notices");
    if (this.canStep()) must.push("source step");
    if (this.todo.length > 0) {
      must.push("target step");
      const { kind } = this.todo[0] as TargetStep;
      const canFail = kind === "reserve" || kind === "complete" || kind === "run";
      if (canFail && this.left("failures")) may.push("target fails");
    }
    if (this.deadlineNs !== undefined && !this.targetLinked) must.push("target patience");
    if (this.mayTimeOut()) must.push("source times out");
    if (this.mayReconnect()) may.push("reconnect");
    if (this.linkUp && this.left("cuts")) may.push("cut");
    if (this.sourceAlive && this.outcome === "" && this.left("cancels")) may.push("cancel");
    if (this.sourceAlive && this.left("sourceKills")) may.push("kill source");
    if (this.target !== undefined && this.left("targetKills")) may.push("kill target");
    return { must, may };
  }

  do(action: string): void {
    switch (action) {
      case "deliver to target":
        return this.targetDoes(this.linked().handle(this.toTarget.shift() as SourceMessage, 0));
      case "deliver to source":
        return this.hear(this.toSource.shift() as TargetMessage);
      case "source notices":
        return this.sourceNotices();
      case "target notices":
        this.targetLinked = false;
        return this.targetDoes(this.linked().connectionLost(0));
      case "source step":
        return this.sourceStep();
      case "target step":
        return this.targetStep(false);
      case "target fails":
        this.spend("failures");
        return this.targetStep(true);
      case "target patience": {
        const deadlineNs = this.deadlineNs as number;
        this.deadlineNs = undefined;
        return this.targetDoes(this.linked().gaveUp(deadlineNs));
      }
      case "source times out":
        return this.timeOut();
      case "reconnect":
        return this.reconnect();
      case "cut":
        this.spend("cuts");
        return this.cut();
      case "cancel":
        this.strike("cancels");
        return this.cancel();
      case "kill source":
        this.strike("sourceKills");
        this.sourceAlive = false;
        this.sourceRuns = false;
        return this.cut();
      default:
        this.strike("targetKills");
        return this.killTarget();
    }
  }

  /** What must hold in every state. */
  check(): void {
    if (this.sourceRuns && this.targetRuns) throw new Error("two are running");
    if (this.sourceRuns && !this.session.guestIsHere) throw new Error("the source has no guest");
    if (this.runs > 1) throw new Error("it was run twice");
    if (this.outcome === "source-runs" && this.sourceAlive && !this.sourceRuns) {
      throw new Error("nobody runs, and the source says that it does");
    }
  }

  get phase(): Phase {
    if (this.outcome !== "") return "ended";
    if (this.heard.includes("running")) {
      const rest = this.options.postCopy && !this.heard.includes("all-received");
      return rest ? "residual" : "running";
    }
    return this.at > this.script.indexOf("commit") ? "committed" : "before-commit";
  }

  /** Who runs the guest, and what the source would say of it. */
  verdict(): string {
    const who = this.sourceRuns ? "source" : this.targetRuns ? "target" : "nobody";
    return `${who} runs, ${this.sourceAlive ? this.outcome || "waiting" : "source is dead"}`;
  }

  private canStep(): boolean {
    if (!this.sourceAlive || this.outcome !== "") return false;
    const next = this.script[this.at];
    if (next === undefined) return false;
    if (next.startsWith("await ")) return this.heard.includes(next.slice("await ".length));
    // A commit needs no link, what is said does.
    return next === "commit" || next === "pause" || this.sourceLinked;
  }

  private sourceStep(): void {
    const next = this.script[this.at++] as string;
    switch (next) {
      case "pause":
        this.sourceRuns = false;
        return;
      case "commit":
        if (!this.session.permit(EPOCH)) throw new Error("the commit was refused");
        return;
      case "bye":
        this.outcome = "target-runs";
    }
    const message = messageOf(next, EPOCH, this.options.postCopy);
    if (message !== undefined) this.say(message);
  }

  private say(message: SourceMessage): void {
    this.session.say(message);
    if (this.linkUp && !this.deaf) this.toTarget.push(message);
  }

  private hear(message: TargetMessage): void {
    for (const step of this.session.receive(message)) this.sourceTakes(step);
  }

  private sourceTakes(step: SourceStep): void {
    const what = step.kind === "peer" ? step.message : step.kind;
    this.heard.push(what);
    if (what === "refused-to-run" || what === "refused") return this.stays();
    if (what === "failed") this.ownAbort();
    // What a target that has forgotten it says frees nobody.
    if (step.kind !== "standing" || step.stage !== "unknown") return;
    this.cut();
    this.timeOut();
  }

  private ownAbort(): void {
    if (!this.session.cancel() || this.outcome !== "") return;
    if (this.sourceLinked) this.say({ kind: "abort", reason: "" });
    this.stays();
  }

  private stays(): void {
    this.sourceRuns = true;
    this.outcome = "source-runs";
  }

  private sourceNotices(): void {
    if (this.outcome === "") this.struck.push(`cut ${this.phase}`);
    this.sourceLinked = false;
    this.session.connectionLost();
    if (this.outcome === "" && this.session.guestIsHere) this.stays();
  }

  private cancel(): void {
    if (this.options.mutant === "late-cancel" && this.phase === "committed") return this.stays();
    this.ownAbort();
  }

  private mayTimeOut(): boolean {
    const waits = this.sourceAlive && this.outcome === "" && !this.session.guestIsHere;
    const isLate = this.options.slow === true && this.script[this.at] === "await running";
    return waits && (!this.sourceLinked || isLate);
  }

  private timeOut(): void {
    this.outcome = this.unanswered();
    if (this.outcome !== "in-doubt") return;
    if (this.options.mutant === "doubt-runs") this.sourceRuns = true;
  }

  private unanswered(): Outcome {
    const heardAll = !this.options.postCopy || this.heard.includes("all-received");
    if (this.heard.includes("running") && heardAll) return "target-runs";
    // Nothing may be missing there when all has left.
    const allLeft = heardAll || this.at > this.script.indexOf("finish-residual");
    return allLeft ? "in-doubt" : "lost";
  }

  /** After the commit point, also by one who is in doubt and asks later. */
  private mayReconnect(): boolean {
    const { outcome, sourceAlive, sourceLinked } = this;
    if (!sourceAlive || sourceLinked || this.session.guestIsHere) return false;
    if (outcome !== "" && outcome !== "in-doubt") return false;
    const applied = this.todo.every(({ kind }) => kind === "run" || kind === "announce");
    return applied && (this.spent.reconnects ?? 0) < 2;
  }

  private reconnect(): void {
    this.spend("reconnects");
    this.linkUp = true;
    this.toSource = [];
    this.toTarget = [];
    this.sourceLinked = true;
    this.targetLinked = true;
    this.session.resumed(false);
    this.outcome = "";
    const answer = this.book.open({ sessionId: SESSION_ID, epoch: EPOCH, resumes: true }, never);
    if (answer.kind === "no") {
      this.toSource.push(answer.say);
      this.deaf = true;
      return;
    }
    this.deadlineNs = undefined;
    this.targetDoes(answer.session.resumed(0));
    const rest = this.script.indexOf("await running") + 1;
    // The engine gives permission again before it has heard anything; what was absent is owed again.
    if (!this.heard.includes("running")) this.say({ kind: "go", epoch: EPOCH });
    if (this.at > rest) this.at = rest;
    if (this.at === rest - 2) this.at++;
  }

  private cut(): void {
    this.linkUp = false;
    this.toTarget = [];
    this.toSource = [];
  }

  /** It starts anew and knows nothing. */
  private killTarget(): void {
    this.cut();
    this.targetRuns = false;
    this.target = undefined;
    this.todo = [];
    this.deadlineNs = undefined;
    this.book = new SessionBook({ openMax: 1, recordsMax: 1 });
  }

  private targetStep(fails: boolean): void {
    const step = this.todo.shift() as TargetStep | { kind: "announce" };
    const session = this.linked();
    switch (step.kind) {
      case "reserve":
        this.reserved = !fails;
        return this.targetDoes(fails ? session.refused("no room") : session.prepared(0));
      case "apply":
        return this.targetDoes(session.applied(step.message));
      case "complete":
        return this.targetDoes(fails ? session.failed("differs") : session.completed(0, 0, 1));
      case "run":
        if (fails) return this.targetDoes(session.couldNotRun("no CPU"));
        if (!this.reserved) throw new Error("a guest is run whose memory was freed");
        this.runs++;
        this.targetRuns = true;
        this.targetDoes(session.ran(0));
        this.todo.push({ kind: "announce" });
        return;
      case "announce":
        return this.targetDoes(session.announced(0));
      case "check-residual":
        return this.targetDoes(session.allReceived(0));
    }
  }

  private targetDoes(steps: readonly TargetStep[]): void {
    for (const step of steps) {
      if (step.kind === "say") {
        if (this.linkUp) this.toSource.push(step.message);
      } else if (step.kind === "abort") {
        if (this.targetRuns) throw new Error("a guest that runs is aborted");
        this.todo = [];
        this.reserved = false;
      } else if (step.kind === "abandon") {
        this.todo = [];
        this.targetRuns = false;
      } else if (step.kind === "wait") {
        this.deadlineNs = step.untilNs;
      } else if (step.kind === "close") {
        if (step.error !== undefined) throw step.error;
        this.targetLinked = false;
        this.linkUp = false;
        this.toSource = [];
        this.toTarget = [];
      } else {
        this.todo.push(step);
      }
    }
  }

  private linked(): WrongTarget {
    if (this.target === undefined) throw new Error("the target is dead");
    return this.target;
  }

  private openNew(): WrongTarget {
    const create = () => {
      const limits = { windowBytes: 1000, patienceNs: PATIENCE_NS, memoryBytesMax: 2 ** 20 };
      const session = new WrongTarget({ epoch: EPOCH, ...limits });
      session.mutant = this.options.mutant;
      return session;
    };
    const request = { sessionId: SESSION_ID, epoch: EPOCH, resumes: false };
    const answer = this.book.open(request, create);
    if (answer.kind !== "new") throw new Error("a first attempt is new");
    return answer.session as WrongTarget;
  }

  private left(what: "cuts" | "cancels" | "sourceKills" | "targetKills" | "failures"): boolean {
    return (this.spent[what] ?? 0) < (this.options[what] ?? 0);
  }

  private strike(what: string): void {
    this.struck.push(`${what} ${this.phase}`);
    this.spend(what);
  }

  private spend(what: string): void {
    this.spent[what] = (this.spent[what] ?? 0) + 1;
  }
}

function never(): never {
  throw new Error("a resumed attempt is not made anew");
}
