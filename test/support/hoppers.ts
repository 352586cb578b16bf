/** Two processes that hand a real guest back and forth. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

export interface HopperTask {
  readonly peerPort: number;
  /** How often it gives the guest away. */
  readonly hops: number;
  readonly boots: boolean;
}

export interface HopperWord {
  readonly listening?: number;
  readonly text?: string;
  readonly atNs?: number;
  readonly outcome?: string;
  readonly stopReason?: string;
  readonly isVerified?: boolean;
  readonly checkedPages?: number;
  readonly done?: true;
}

/** What both said, when one has had the guest for the last time. */
export async function hopBetweenTwo(hops: number): Promise<HopperWord[]> {
  const script = join(import.meta.dirname, "../live/processes/hopper.ts");
  const execArgv = ["--import", "tsx"];
  const children: ChildProcess[] = [fork(script, { execArgv }), fork(script, { execArgv })];
  const words: HopperWord[] = [];
  const ports: number[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      children.forEach((child, i) => {
        child.on("exit", (code) => reject(new Error(`a process ended with ${code}`)));
        child.on("message", (word: HopperWord) => {
          words.push(word);
          if (word.listening !== undefined) ports[i] = word.listening;
          if (word.listening !== undefined && Object.keys(ports).length === 2)
            begin(children, ports, hops);
          // Who gave it away last may say so after who has it.
          const moves = words.filter(({ outcome }) => outcome !== undefined).length;
          if (moves === hops && words.some(({ done }) => done)) resolve();
          if (word.outcome !== undefined && word.outcome !== "target-runs") {
            reject(new Error(`a hop ended in ${word.outcome}: ${word.stopReason}`));
          }
        });
      });
    });
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
  return words;
}

function begin(children: readonly ChildProcess[], ports: readonly number[], hops: number): void {
  children.forEach((child, i) => {
    // The first one gives it away first; who has no hop left keeps it.
    const mine = Math.floor((hops + 1 - i) / 2);
    child.send({ peerPort: ports[1 - i] as number, hops: mine, boots: i === 0 });
  });
}
