/**
 * A guest that runs on this thread, and the work of its own migration: whatever reading, encoding
 * and sending take, the guest does not get. After each slice of such work the guest is given its
 * turns first, until it had its share of the time since, so that a migration without any rate limit
 * does not stop the guest and call that convergence. A guest that sleeps (HLT) wants nothing.
 */

/** A machine that knows what it got of its thread. */
export interface SharesThread {
  /** Wall time in turns of guest code so far, nanoseconds. */
  guestNs(): number;
  /** Wall time in which it wanted nothing: it halted until its next timer. */
  idleNs(): number;
}

/** A throttled guest does not use its share: no slice waits longer than this. */
const WAIT_NS_MAX = 20_000_000;

export class GuestShare {
  /** Time that the migration's work has taken on the guest's thread. */
  workNs = 0;

  constructor(
    private readonly machine: SharesThread | undefined,
    /** Of the thread, at least: 0 to below 1. */
    private readonly least: number,
    private readonly now: () => number,
  ) {}

  /** Does a slice of work, then lets the guest run. `urgent`: the guest is paused, or waits for it. */
  async work<T>(urgent: boolean, slice: () => T | Promise<T>): Promise<T> {
    const startNs = this.now();
    const ranNs = this.machine?.guestNs() ?? 0;
    const result = await slice();
    const endNs = this.now();
    // Codecs that wait for something leave the thread to the guest meanwhile.
    const guestNs = (this.machine?.guestNs() ?? 0) - ranNs;
    const workNs = Math.max(0, endNs - startNs - guestNs);
    this.workNs += workNs;
    if (!urgent) await this.letRun(endNs, workNs);
    return result;
  }

  private async letRun(fromNs: number, workNs: number): Promise<void> {
    const { machine, least } = this;
    await nextTurn();
    if (machine === undefined) return;
    const owedNs = Math.min(WAIT_NS_MAX, (workNs * least) / (1 - least));
    const had = () => machine.guestNs() + machine.idleNs();
    const enoughNs = had() + owedNs;
    while (had() < enoughNs && this.now() - fromNs < WAIT_NS_MAX) await nextTurn();
  }
}

/** What else this thread has to do comes first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    // In browsers timers of 0 are rounded up to 4 ms once they nest; messages are not.
    if (typeof setImmediate === "function") setImmediate(resolve);
    else messageTurn(resolve);
  });
}

let channel: MessageChannel | undefined;
const turns: (() => void)[] = [];

function messageTurn(resolve: () => void): void {
  if (channel === undefined) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => turns.shift()?.();
  }
  turns.push(resolve);
  channel.port2.postMessage(0);
}
