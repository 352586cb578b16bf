/**
 * A simulation begins here and goes on in a worker: a snapshot is plain data that can be posted.
 * It holds what was simulated and how far, not the memory; the worker runs up to there and checks
 * by the event log's hash that it came to the same point.
 *
 *     node examples/embed/worker-snapshot.mjs
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { formatDuration, NS_PER_MS, Simulation } from "precopy";
import { spec } from "./spec.mjs";

if (isMainThread) {
  const simulation = await Simulation.create(spec);
  simulation.advanceTo(1_300 * NS_PER_MS);
  const snapshot = simulation.snapshot();
  const [{ state, round, owedPages }] = snapshot.progress;
  const time = formatDuration(snapshot.nowNs);
  console.log(`here, at ${time}: ${state}, ${round} rounds done, ${owedPages} pages owed`);

  const there = await inWorker(snapshot);
  const here = await simulation.run();
  simulation.dispose();
  console.log(`in the worker: ${formatDuration(there.makespanNs)}, events ${there.eventLogHash}`);
  console.log(`here:          ${formatDuration(here.makespanNs)}, events ${here.eventLogHash}`);
} else {
  const simulation = await Simulation.restore(workerData);
  parentPort.postMessage(await simulation.run());
  simulation.dispose();
}

/** Starts this file once more, as a worker, and resolves to what it posts. */
function inWorker(snapshot) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: snapshot });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
