/** Ends that are wrong on purpose, so that a search for what is wrong has something to find. */
import { type SourceMessage, TargetSession, type TargetStep } from "../../src/wire/index.js";

/** Drivers and sessions that are wrong on purpose: each must be found out. */
export type Mutant =
  /** A source that lets the guest go on when nobody answers after the commit point. */
  | "doubt-runs"
  /** A source that gives up after the commit point. */
  | "late-cancel"
  /** A target that takes GO after it has said that it never will. */
  | "forgets-refusal"
  /** A target that refuses, its link being lost, what runs there. */
  | "refuses-what-runs"
  /** A target that runs the guest at every GO. */
  | "runs-again";

/** Right, unless a mutant is set. */
export class WrongTarget extends TargetSession {
  mutant: Mutant | undefined;

  override resumed(nowNs: number): TargetStep[] {
    const steps = super.resumed(nowNs);
    if (this.mutant === "forgets-refusal" && this.stage === "refused") this.stage = "whole";
    return steps;
  }

  override connectionLost(nowNs: number): TargetStep[] {
    const steps = super.connectionLost(nowNs);
    if (this.mutant === "refuses-what-runs" && this.stage === "running") this.stage = "refused";
    return steps;
  }

  override handle(message: SourceMessage, nowNs: number): TargetStep[] {
    if (this.mutant === "runs-again" && message.kind === "go" && this.stage === "running") {
      this.stage = "whole";
    }
    return super.handle(message, nowNs);
  }
}
