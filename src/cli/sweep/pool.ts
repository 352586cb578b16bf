/** Runs the jobs of a sweep on worker threads. */
import type { SweepOutcome } from "../../report/sweep.js";
import { workerFile } from "../worker-file.js";
import type { SweepSetup, SweepTask } from "./plan.js";

export interface PoolOptions {
  readonly setup: SweepSetup;
  /** Numbers of the jobs, in the order in which they begin. */
  readonly jobs: readonly number[];
  readonly task: (job: number) => SweepTask;
  readonly threads: number;
  readonly onOutcome: (job: number, outcome: SweepOutcome) => void;
  /** Ends it at once; jobs that run are lost, and nothing is told of them. */
  readonly signal: AbortSignal;
}

export async function runPool(options: PoolOptions): Promise<void> {
  const { setup, jobs, task, threads, onOutcome, signal } = options;
  if (jobs.length === 0 || signal.aborted) return;
  // Loaded here: no other command needs it.
  const { Tinypool } = await import("tinypool");
  const used = Math.min(threads, jobs.length);
  const pool = new Tinypool({
    filename: workerFile({ built: "sweep-worker", source: "src/cli/sweep/worker.ts" }),
    minThreads: used,
    maxThreads: used,
    workerData: setup,
  });
  const stop = () => void pool.destroy();
  signal.addEventListener("abort", stop, { once: true });
  let next = 0;
  const lane = async () => {
    while (next < jobs.length && !signal.aborted) {
      const job = jobs[next++] as number;
      try {
        const outcome = (await pool.run(task(job))) as SweepOutcome;
        if (!signal.aborted) onOutcome(job, outcome);
      } catch (error) {
        if (signal.aborted) return;
        next = jobs.length;
        throw error;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: used }, lane));
  } finally {
    signal.removeEventListener("abort", stop);
    await pool.destroy();
  }
}
