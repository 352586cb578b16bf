/** `precopy compare`: several strategies over the same seeds. */
import { join } from "node:path";
import type { Command } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { representativeNames } from "../../migrate/representatives.js";
import type { SimulationResult } from "../../model/simulation.js";
import { type Comparison, compareRuns, type StrategyRuns } from "../../report/compare.js";
import { comparisonText, comparisonWarnings } from "../../report/compare-text.js";
import { comparisonCsv, migrationsCsv, roundsCsv } from "../../report/csv.js";
import { withSeed, withStrategy } from "../../scenario/index.js";
import { writeTextFile } from "../files.js";
import {
  addLimitOptions,
  collect,
  type LimitFlags,
  limitsOf,
  parseRuns,
  SEED_MAX,
  shellCommand,
} from "../flags.js";
import {
  type LoadedScenario,
  openScenario,
  type ScenarioFlags,
  scenarioCommand,
  scenarioWords,
} from "../scenario-file.js";
import type { Session } from "../session.js";
import { judge } from "../verdict.js";

interface CompareFlags extends ScenarioFlags, LimitFlags {
  readonly strategy?: readonly string[];
  readonly all?: boolean;
  readonly runs?: number;
  readonly json?: boolean;
  readonly csv?: string;
}

/** Version of the form of `compare --json`. */
export const COMPARISON_SCHEMA_VERSION = 2;

const RUNS_DEFAULT = 10;
/** Every name at once takes a while. */
const RUNS_DEFAULT_ALL = 1;
const STRATEGIES_MAX = 256;

const EXAMPLES = `
Without -s, the strategies are those that the scenario lists under "compare".
Run n of every strategy has seed + n - 1, so that all meet the same workloads. --all takes every
strategy, and pre-copy with every technique and preset; a migration that does not complete has a
row that says so. Further -s are compared beside them.

Examples:
  precopy compare examples/seed.yaml
  precopy compare examples/seed.yaml -s pre-copy@xen -s seed --runs 30
  precopy compare examples/seed.yaml --all
`;

export function compareCommand(session: Session): Command {
  const command = scenarioCommand("compare")
    .description("run strategies over the same seeds: which is better, and by how much")
    .option("-s, --strategy <name>", "strategy to compare (repeatable)", collect)
    .option("--all", "compare every strategy, technique and preset that there is")
    .option(
      "--runs <n>",
      `runs of each strategy (default: ${RUNS_DEFAULT}, with --all ${RUNS_DEFAULT_ALL})`,
      parseRuns,
    )
    .option("--json", "print JSON instead of text")
    .option("--csv <folder>", "write comparison.csv, migrations.csv and rounds.csv there as well");
  return addLimitOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((scenario: string, flags: CompareFlags) => compare(session, scenario, flags));
}

async function compare(session: Session, path: string, flags: CompareFlags): Promise<void> {
  const scenario = await openScenario(path, flags);
  const { title, spec } = scenario;
  const strategies = strategiesOf(scenario, path, flags);
  const {
    all: everything = false,
    csv,
    runs = everything ? RUNS_DEFAULT_ALL : RUNS_DEFAULT,
  } = flags;
  if (spec.seed + runs - 1 > SEED_MAX) {
    throw new PrecopyError(
      "limit",
      `${runs} runs from seed ${spec.seed} pass the largest seed, ${SEED_MAX}: give a smaller --seed`,
    );
  }
  const words = scenarioWords("compare", path, flags, flags.strategy ?? []);
  if (everything) words.push("--all");
  const repeat = shellCommand([...words, "--runs", String(runs), "--seed", String(spec.seed)]);
  const all = await runAll(session, scenario, strategies, {
    repeat: (strategy, seed) => {
      const one = scenarioWords("run", path, flags, [strategy]);
      return shellCommand([...one, "--seed", String(seed)]);
    },
    runs,
    skipsRefused: everything,
  });
  const comparison = compareRuns(all);
  const results = all.flatMap((one) => one.results);
  if (flags.json) {
    session.printJson(comparisonJson(comparison));
  } else {
    const { palette, width } = session;
    const guests = spec.migrations.length;
    session.print(comparisonText(comparison, { title, repeat, guests, palette, width }));
  }
  if (csv !== undefined) {
    await writeTextFile(join(csv, "comparison.csv"), comparisonCsv(comparison));
    await writeTextFile(join(csv, "migrations.csv"), migrationsCsv(results));
    await writeTextFile(join(csv, "rounds.csv"), roundsCsv(results));
  }
  // Of everything that there is, some is bound not to complete: nobody asked for that one.
  judge(session, everything ? results.map(completedOnly) : results, limitsOf(flags));
}

function completedOnly(result: SimulationResult): SimulationResult {
  const migrations = result.migrations.filter(({ outcome }) => outcome === "target-runs");
  return { ...result, migrations };
}

interface RunAllOptions {
  /** The command that repeats one of the runs. */
  readonly repeat: (strategy: string, seed: number) => string;
  readonly runs: number;
  /** Leave out, with a word, what cannot run in this scenario. */
  readonly skipsRefused: boolean;
}

/** Runs every strategy with every seed. */
async function runAll(
  session: Session,
  { spec, registry }: LoadedScenario,
  strategies: readonly string[],
  { repeat, runs, skipsRefused }: RunAllOptions,
): Promise<StrategyRuns[]> {
  for (const name of strategies) registry.resolve(name);
  const results = new Map(strategies.map((name): [string, SimulationResult[]] => [name, []]));
  for (let i = 0; i < runs; i++) {
    for (const [at, strategy] of strategies.entries()) {
      const one = withStrategy(withSeed(spec, spec.seed + i), strategy);
      session.repeat = repeat(strategy, one.seed);
      const label = `[${i * strategies.length + at + 1}/${runs * strategies.length}]`;
      try {
        results.get(strategy)?.push(await session.simulate(one, { registry, label }));
      } catch (error) {
        if (!skipsRefused || !(error instanceof PrecopyError)) throw error;
        if (results.delete(strategy)) session.note(`${strategy} is left out: ${error.message}`);
      }
    }
  }
  return [...results].map(([strategy, of]) => ({ strategy, results: of }));
}

function strategiesOf(
  { compare, registry }: LoadedScenario,
  path: string,
  { strategy: given, all = false }: CompareFlags,
): readonly string[] {
  const listed = given ?? (all ? [] : compare);
  const others = all ? representativeNames(registry) : [];
  const strategies = [...listed, ...others.filter((name) => !listed.includes(name))];
  if (strategies.length === 0) {
    throw new PrecopyError(
      "bad-input",
      `${path} lists no strategies under "compare": give some, as in -s pre-copy@xen -s seed, or --all`,
    );
  }
  if (strategies.length > STRATEGIES_MAX) {
    const problem = `${strategies.length} strategies are too many to compare: at most ${STRATEGIES_MAX}`;
    throw new PrecopyError("limit", problem);
  }
  const twice = strategies.find((name, at) => strategies.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new PrecopyError("bad-input", `strategy "${twice}" is given twice: leave one out`);
  }
  return strategies;
}

function comparisonJson(comparison: Comparison): object {
  const warnings = comparisonWarnings(comparison);
  return { schemaVersion: COMPARISON_SCHEMA_VERSION, ...comparison, warnings };
}
