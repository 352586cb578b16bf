/**
 * What becomes of a migration whose link breaks after the commit point, when the source cannot
 * take the guest back any more. Before it the attempt is simply given up.
 *
 *   target not heard of     permission is given again when the link is back, else in doubt
 *   pages are absent there  lost, or with recovery the push waits (QEMU's postcopy-paused state)
 *   all has left            in doubt until the target says that it has all of it
 *   all is there            nothing is missing but the news that devices are back
 *
 * Whatever waits for the link waits no longer than the migration's time-out.
 */
import type { Requests } from "./page-mover.js";
import type { ResidualPush } from "./residual-push.js";

/** What is asked of the migration, and what it is told. */
export interface BrokenLinkParts {
  readonly requests: Requests;
  readonly timeoutNs: number;
  readonly epoch: number;
  readonly now: () => {
    readonly ended: boolean;
    readonly targetRuns: boolean;
    readonly push: ResidualPush | undefined;
  };
  readonly lose: (nowNs: number, why: string) => void;
  readonly doubt: (nowNs: number) => void;
  /** The target's last message is not waited for any longer. */
  readonly settle: (nowNs: number) => void;
}

export class BrokenLink {
  private down = false;
  private breaks = 0;

  constructor(private readonly parts: BrokenLinkParts) {}

  changed(up: boolean, nowNs: number): void {
    const { targetRuns, push } = this.parts.now();
    this.down = !up;
    if (up) {
      // It may have been lost; the target takes the permission for an epoch once.
      if (!targetRuns) this.parts.requests.tell({ kind: "go", epoch: this.parts.epoch });
      push?.linkUp(nowNs);
    } else if (push?.linkDown(nowNs) === false) {
      this.parts.lose(nowNs, "the link broke while pages were absent at the target");
    } else {
      this.wait(nowNs);
    }
  }

  /**
   * Nobody says that the guest runs: it must not run here, and while pages are absent there it
   * cannot go on there without this side.
   */
  unanswered(nowNs: number): void {
    const { push } = this.parts.now();
    if (push?.ended === false) this.parts.lose(nowNs, "the target does not answer");
    else this.parts.doubt(nowNs);
  }

  private wait(nowNs: number): void {
    const { requests, timeoutNs } = this.parts;
    const broken = ++this.breaks;
    requests.request({ kind: "set-timer", atNs: nowNs + timeoutNs }, ({ atNs }) => {
      const { ended, targetRuns, push } = this.parts.now();
      if (ended || !this.down || broken !== this.breaks) return;
      const half = push !== undefined && !push.ended && !push.mayBeWhole;
      if (half) this.parts.lose(atNs, "the link did not come back");
      else if (targetRuns && push?.ended !== false) this.parts.settle(atNs);
      else this.parts.doubt(atNs);
    });
  }
}
