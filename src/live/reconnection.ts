/**
 * The way back to a target that may have, or has, the guest: one connection after the other until
 * the target says how far it is and what it lacks (docs/PROTOCOL.md, "Post-copy and recovery"). The
 * engine's time-out ends it.
 */
import { PrecopyError } from "../base/errors.js";
import type { U32Buffer } from "../kernels/index.js";
import type { Migration } from "../migrate/migration.js";
import { NO_RUNS, type StandingMessage } from "../wire/index.js";
import { type LiveLink, sleepNs } from "./live-link.js";

/** Between two tries to reach the target again. */
const RECONNECT_NS = 250e6;

export class Reconnection {
  /** Being tried: a connection that breaks before the target says where it is counts as none. */
  tries = false;
  /** Runs of pages that the target lacked when the connection came back. */
  private lacking: Uint32Array = NO_RUNS;
  private told: (known: boolean) => void = () => {};

  constructor(
    private readonly engine: Migration,
    private readonly link: LiveLink,
  ) {}

  /** A target that has never heard of the attempt is as good as none. */
  standing({ absent, stage }: StandingMessage): void {
    this.lacking = absent;
    this.told(stage !== "unknown");
  }

  /** Calls `up` in the instant in which the link is up again, unless the migration ends before. */
  async reach(up: () => void): Promise<void> {
    const { engine, link } = this;
    this.tries = true;
    while (!engine.ended) {
      const known = await this.resume();
      if (known && link.isUp && !engine.ended) {
        this.tries = false;
        return up();
      }
      await sleepNs(RECONNECT_NS);
    }
  }

  /**
   * The guest stands still: what the target lacks, and nothing else, is owed. It was lost on the way,
   * or it is what was not sent.
   */
  owe(runs: U32Buffer): void {
    const { lacking } = this;
    const { owed } = this.engine.mover;
    const pages: number[] = [];
    for (let i = 0; i < lacking.length; i += 2) {
      const start = lacking[i] as number;
      for (let k = 0; k < (lacking[i + 1] as number); k++) pages.push(start + k);
    }
    runs.set(pages);
    owed.reset();
    owed.setBatch(runs);
  }

  private async resume(): Promise<boolean> {
    const { link } = this;
    const told = new Promise<boolean>((resolve) => {
      this.told = resolve;
    });
    try {
      await link.open(true);
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
      return false;
    }
    const known = await Promise.race([told, link.broken().then(() => false)]);
    if (!known) link.cut();
    return known;
  }
}
