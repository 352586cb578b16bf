/**
 * What a sweep runs: its grid, checked value by value before anything starts, and each job as a
 * worker takes it.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { PrecopyError } from "../../base/errors.js";
import type { Registry } from "../../migrate/registry.js";
import { jobAt, jobCount, type SweepAxis, type SweepSpace } from "../../report/sweep.js";
import { count } from "../../report/text.js";
import { ScenarioDocument } from "../../scenario/document.js";
import { type FieldChange, fieldPaths, loadScenario, ScenarioError } from "../../scenario/index.js";
import { checkForm, type LoadedScenario } from "../../scenario/load.js";
import type { FieldPath } from "../../scenario/problems.js";
import { quantityOf, scalarOf } from "../../scenario/quantity.js";
import { fileError, findFile, packageVersion, readTextFile } from "../files.js";
import { SEED_MAX } from "../flags.js";
import { registryWith } from "../scenario-file.js";
import { loadTraceFile } from "../trace-files.js";
import { type Over, parseOver } from "./ranges.js";
import { withParam } from "./strategy-params.js";
import { hashOf, JOBS_MAX, SWEEP_SCHEMA_VERSION, type SweepHeader } from "./sweep-file.js";

const AXES_MAX = 8;
const STRATEGIES_MAX = 32;

export interface SweepFlags {
  readonly over?: readonly string[];
  readonly strategy?: readonly string[];
  readonly seed?: number;
  readonly seeds?: number;
  readonly plugin?: readonly string[];
}

/** One simulation, as plain data. */
export interface SweepTask {
  readonly changes: readonly FieldChange[];
  readonly strategy: string;
  readonly seed: number;
}

/** What every worker is given once. */
export interface SweepSetup {
  /** Path of the scenario, and its text. */
  readonly file: string;
  readonly text: string;
  readonly plugins: readonly string[];
}

export interface SweepPlan {
  readonly setup: SweepSetup;
  readonly header: SweepHeader;
  readonly task: (job: number) => SweepTask;
}

/** Where an axis is set: in fields of the scenario, or by its name in strategies. */
interface Place {
  readonly over: Over;
  readonly paths: readonly FieldPath[] | undefined;
}

export async function planSweep(path: string, flags: SweepFlags): Promise<SweepPlan> {
  const file = findFile(path);
  const text = await readTextFile(file);
  const plugins = flags.plugin ?? [];
  const registry = await registryWith(plugins);
  const overs = oversOf(flags.over ?? []);
  const document = new ScenarioDocument(text);
  if (document.problems.length > 0) throw new ScenarioError(document.problems, { file, text });
  const places = overs
    .filter(({ name }) => name !== "seed")
    .map((over): Place => ({ over, paths: fieldPaths(over.name, document.value) }));
  const { scenario, inputs } = await loadOnce({ file, text, registry, places });
  const strategies = strategiesOf(scenario, flags.strategy, registry);
  const axes = places.map((place) => axisOf(place, strategies, registry));
  checkFields({ file, text, registry }, places);
  const seeds = seedsOf(scenario.spec.seed, flags, overs);
  const space: SweepSpace = { axes, strategies, seeds };
  const jobs = jobCount(space);
  if (jobs > JOBS_MAX) {
    const problem = `${count(jobs)} jobs are more than ${count(JOBS_MAX)}`;
    throw new PrecopyError("limit", `${problem}: give fewer values, strategies or seeds`);
  }
  for (const plugin of plugins) inputs[basename(plugin)] = await hashOfFile(plugin);
  inputs[basename(file)] = hashOf(text);
  const header: SweepHeader = {
    sweep: SWEEP_SCHEMA_VERSION,
    precopy: packageVersion(),
    title: scenario.title,
    scenario: basename(file),
    inputs: Object.fromEntries(Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1))),
    jobs,
    space,
  };
  const task = (job: number) => taskOf(space, job, places, registry);
  return { setup: { file, text, plugins }, header, task };
}

function taskOf(
  space: SweepSpace,
  job: number,
  places: readonly Place[],
  registry: Registry,
): SweepTask {
  const { at, seed, strategy } = jobAt(space, job);
  const changes: FieldChange[] = [];
  let name = space.strategies[strategy] as string;
  for (const [i, { over, paths }] of places.entries()) {
    const value = over.values[at[i] as number];
    if (value === undefined) continue;
    if (paths === undefined) name = withParam(registry, name, over.name, value).name ?? name;
    else changes.push(...changesOf(paths, value));
  }
  return { changes, strategy: name, seed };
}

function oversOf(texts: readonly string[]): Over[] {
  const overs = texts.map(parseOver);
  if (overs.length > AXES_MAX) {
    throw new PrecopyError("limit", `${overs.length} times --over: at most ${AXES_MAX} are varied`);
  }
  const names = overs.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    const how = `write its values into one, as in --over ${twice}=A,B`;
    throw new PrecopyError("bad-input", `--over ${twice} is given twice: ${how}`);
  }
  if (names.some((name) => /^migrate(\.\d+)?\.strategy$/.test(name))) {
    throw new PrecopyError("bad-input", "strategies are not varied with --over: give -s for each");
  }
  return overs;
}

/** The scenario as it stands, or, if it is wrong without them, with the first of all values. */
async function loadOnce(o: {
  file: string;
  text: string;
  registry: Registry;
  places: readonly Place[];
}): Promise<{ scenario: LoadedScenario; inputs: Record<string, string> }> {
  const { file, text, registry, places } = o;
  const paths = new Set<string>();
  const load = (changes: readonly FieldChange[]) =>
    loadScenario(text, {
      file,
      registry,
      changes,
      readTrace: async (path, options) => {
        paths.add(path);
        return (await loadTraceFile(path, options)).trace;
      },
    });
  const scenario = await load([]).catch((error: unknown) =>
    load(firstChanges(places)).catch(() => {
      throw error;
    }),
  );
  if (scenario.spec.migrations.length === 0) {
    throw new PrecopyError("bad-scenario", 'migrates nothing: list guests under "migrate"', {
      file,
    });
  }
  for (const { over, paths: fields = [] } of places) {
    if (!fields.some((field) => field.at(-1) === "file" && field.at(-2) === "trace")) continue;
    for (const value of over.values) paths.add(join(dirname(file), value));
  }
  const inputs: Record<string, string> = {};
  for (const path of paths) {
    const name = relative(dirname(file), path).replaceAll("\\", "/");
    inputs[name] = await hashOfFile(path);
  }
  return { scenario, inputs };
}

function firstChanges(places: readonly Place[], except?: Place): FieldChange[] {
  return places
    .filter((place) => place !== except)
    .flatMap(({ over, paths = [] }) => changesOf(paths, over.values[0] as string));
}

function changesOf(paths: readonly FieldPath[], value: string): FieldChange[] {
  return paths.map((path) => ({ path, value: scalarOf(value) }));
}

/** Each value by itself in its field; what values are together is seen when a job runs. */
function checkFields(
  { file, text, registry }: { file: string; text: string; registry: Registry },
  places: readonly Place[],
): void {
  for (const place of places) {
    const { over, paths = [] } = place;
    if (paths.length === 0) continue;
    for (const value of over.values) {
      const changes = [...firstChanges(places, place), ...changesOf(paths, value)];
      try {
        checkForm(text, { file, registry, changes });
      } catch (error) {
        if (!(error instanceof ScenarioError)) throw error;
        const names = paths.map((path) => path.join("."));
        const problem = error.problems.find(({ path }) =>
          names.some(
            (name) => path === name || path.startsWith(`${name}.`) || name.startsWith(path),
          ),
        );
        if (problem === undefined) throw error;
        throw new PrecopyError(error.code, `--over ${over.name}=${value}: ${problem.message}`);
      }
    }
  }
}

function axisOf(
  { over, paths }: Place,
  strategies: readonly string[],
  registry: Registry,
): SweepAxis {
  const { name, values } = over;
  const quantities = values.map(quantityOf);
  const numeric = quantities.every(
    (quantity) =>
      quantity !== undefined && quantity.value > 0 && quantity.kind === quantities[0]?.kind,
  );
  const levels = values.map((text, i) => ({
    text,
    value: numeric ? (quantities[i]?.value ?? null) : null,
  }));
  if (paths !== undefined) return { name, levels, appliesTo: strategies.map(() => true) };
  const refusals = new Set<string>();
  const appliesTo = strategies.map((strategy) => {
    const results = values.map((value) => withParam(registry, strategy, name, value));
    const refused = results.find((result) => result.name === undefined);
    if (refused?.name === undefined) {
      for (const refusal of refused?.refusals ?? []) refusals.add(refusal);
    }
    return refused === undefined;
  });
  if (appliesTo.includes(true)) return { name, levels, appliesTo };
  throw new PrecopyError(
    "unknown-name",
    `--over ${name}: no field of a scenario (guest.…, host.…, link.…, migrate.…, seed) and no parameter of the strategies: ${[...refusals].slice(0, 12).join("; ")}`,
  );
}

function strategiesOf(
  { spec }: LoadedScenario,
  given: readonly string[] | undefined,
  registry: Registry,
): readonly string[] {
  const written = [...new Set(spec.migrations.map(({ strategy }) => strategy))];
  const strategies = given ?? written;
  if (given === undefined && written.length > 1) {
    const names = written.slice(0, 8).join(", ");
    const problem = `the scenario's migrations have different strategies (${names}): give -s, for all of them`;
    throw new PrecopyError("bad-input", problem);
  }
  if (strategies.length > STRATEGIES_MAX) {
    const problem = `${strategies.length} strategies are too many for a sweep: at most ${STRATEGIES_MAX}`;
    throw new PrecopyError("limit", problem);
  }
  const twice = strategies.find((name, at) => strategies.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new PrecopyError("bad-input", `strategy "${twice}" is given twice: leave one out`);
  }
  for (const name of strategies) registry.resolve(name);
  return strategies;
}

function seedsOf(
  written: number,
  { seed, seeds }: SweepFlags,
  overs: readonly Over[],
): readonly number[] {
  const over = overs.find(({ name }) => name === "seed");
  if (over === undefined) {
    const first = seed ?? written;
    const runs = seeds ?? 1;
    if (first + runs - 1 <= SEED_MAX) return Array.from({ length: runs }, (_, i) => first + i);
    const problem = `${runs} seeds from ${first} pass the largest, ${SEED_MAX}: give a smaller --seed`;
    throw new PrecopyError("limit", problem);
  }
  if (seed !== undefined || seeds !== undefined) {
    throw new PrecopyError(
      "bad-input",
      "--over seed lists the seeds: leave --seed and --seeds out",
    );
  }
  return over.values.map((text) => {
    const value = Number(text);
    if (/^(0|[1-9]\d*)$/.test(text) && value <= SEED_MAX) return value;
    const problem = `--over seed=${text}: write whole numbers from 0 to ${SEED_MAX}`;
    throw new PrecopyError("bad-input", problem);
  });
}

/** As {@link hashOf}. */
async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw fileError(error, "read", path);
  }
  return hash.digest("hex").slice(0, 16);
}
