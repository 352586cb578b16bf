/** A worker of a sweep: loads recordings once, and runs one simulation for each task. */
import { Tinypool } from "tinypool";
import { PrecopyError } from "../../base/errors.js";
import type { Trace } from "../../guest/trace.js";
import type { Registry } from "../../migrate/registry.js";
import { simulate } from "../../model/simulation.js";
import { outcomeOf, type SweepOutcome } from "../../report/sweep.js";
import { loadScenario, withSeed, withStrategy } from "../../scenario/index.js";
import { registryWith } from "../scenario-file.js";
import { loadTraceFile } from "../trace-files.js";
import type { SweepSetup, SweepTask } from "./plan.js";

const traces = new Map<string, Trace>();
let names: Promise<Registry> | undefined;

/** A job that cannot run is a result as well; a bug of ours is told apart by its code. */
export default async function runTask(task: SweepTask): Promise<SweepOutcome> {
  try {
    return await run(Tinypool.workerData as SweepSetup, task);
  } catch (error) {
    if (error instanceof PrecopyError)
      return { error: { code: error.code, message: error.message } };
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { error: { code: "bug", message } };
  }
}

async function run(
  { file, text, plugins }: SweepSetup,
  { changes, strategy, seed }: SweepTask,
): Promise<SweepOutcome> {
  names ??= registryWith(plugins);
  const registry = await names;
  const { spec } = await loadScenario(text, {
    file,
    registry,
    changes,
    readTrace: async (path, options) => {
      const key = JSON.stringify([path, options]);
      const trace = traces.get(key) ?? (await loadTraceFile(path, options)).trace;
      traces.set(key, trace);
      return trace;
    },
  });
  return outcomeOf(await simulate(withSeed(withStrategy(spec, strategy), seed), { registry }));
}
