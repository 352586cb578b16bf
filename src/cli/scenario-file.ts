/** A scenario as commands get it: file found, plug-ins registered, traces read, seed and name set. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { PrecopyError } from "../base/errors.js";
import { Registry } from "../migrate/registry.js";
import type { SimulationSpec } from "../model/spec.js";
import {
  loadPlugin,
  loadScenario,
  withAdmission,
  withSeed,
  withStrategy,
} from "../scenario/index.js";
import { findFile, readTextFile } from "./files.js";
import { collect, parseSeed } from "./flags.js";
import { loadTraceFile } from "./trace-files.js";

/** Options that every command on a scenario has. */
export interface ScenarioFlags {
  readonly seed?: number;
  /** Rule instead of the scenario's at-once or admission. */
  readonly admission?: string;
  readonly plugin?: readonly string[];
  /** False: a scenario in which nothing moves will do. */
  readonly needsMigrations?: boolean;
}

export interface LoadedScenario {
  readonly title: string;
  readonly spec: SimulationSpec;
  /** Strategies that the scenario itself asks to compare. */
  readonly compare: readonly string[];
  readonly registry: Registry;
}

/** `precopy NAME SCENARIO` with the options of {@link ScenarioFlags}. */
export function scenarioCommand(name: string): Command {
  return new Command(name)
    .argument("<scenario>", "a YAML or JSON file, or one of this package's examples/")
    .option("--seed <n>", "seed instead of the scenario's", parseSeed)
    .option("--admission <rule>", "which waiting migration may start, as lt-rt or at-once:2")
    .option("--plugin <file>", "module with more strategies or predictors (repeatable)", collect);
}

/** Reads a scenario; `strategy` takes the place of the strategies written in it. */
export async function openScenario(
  path: string,
  flags: ScenarioFlags,
  strategy?: string,
): Promise<LoadedScenario> {
  const file = findFile(path);
  const text = await readTextFile(file);
  const registry = await registryWith(flags.plugin ?? []);
  const loaded = await loadScenario(text, {
    file,
    readTrace: async (trace, options) => (await loadTraceFile(trace, options)).trace,
    registry,
  });
  if (loaded.spec.migrations.length === 0 && flags.needsMigrations !== false) {
    throw new PrecopyError("bad-scenario", 'migrates nothing: list guests under "migrate"', {
      file,
    });
  }
  const { seed, admission } = flags;
  if (admission !== undefined) registry.resolveAdmission(admission);
  const ruled = admission === undefined ? loaded.spec : withAdmission(loaded.spec, admission);
  const seeded = seed === undefined ? ruled : withSeed(ruled, seed);
  const spec = strategy === undefined ? seeded : withStrategy(seeded, strategy);
  return { title: loaded.title, spec, compare: loaded.compare, registry };
}

/** All names of this package and those of the plug-ins. */
export async function registryWith(plugins: readonly string[]): Promise<Registry> {
  const registry = Registry.standard();
  for (const plugin of plugins) await addPlugin(registry, plugin);
  return registry;
}

async function addPlugin(registry: Registry, file: string): Promise<void> {
  let module: unknown;
  try {
    module = await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PrecopyError("bad-input", `this plug-in cannot be loaded: ${reason}`, { file });
  }
  loadPlugin(module, registry, file);
}

/** The words that give the same scenario again. */
export function scenarioWords(
  command: string,
  path: string,
  { plugin = [], admission }: ScenarioFlags,
  strategies: readonly string[],
): string[] {
  return [
    "precopy",
    ...command.split(" "),
    path,
    ...strategies.flatMap((name) => ["-s", name]),
    ...(admission === undefined ? [] : ["--admission", admission]),
    ...plugin.flatMap((file) => ["--plugin", file]),
  ];
}
