/** `precopy compare`: several strategies over the same seeds. */
import type { Command } from "commander";
import { PrecopyError } from "../../base/errors.js";
import type { SimulationResult } from "../../model/simulation.js";
import { type Comparison, compareRuns, type StrategyRuns } from "../../report/compare.js";
import { comparisonText, comparisonWarnings } from "../../report/compare-text.js";
import { withSeed, withStrategy } from "../../scenario/index.js";
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
  readonly runs: number;
  readonly json?: boolean;
}

/** Version of the form of `compare --json`. */
export const COMPARISON_SCHEMA_VERSION = 1;

const RUNS_DEFAULT = 10;
const STRATEGIES_MAX = 32;

const EXAMPLES = `
Without -s, the strategies are those that the scenario lists under "compare".
Run n of every strategy has seed + n - 1, so that all meet the same workloads.

Examples:
  precopy compare examples/seed.yaml
  precopy compare examples/seed.yaml -s pre-copy@xen -s seed --runs 30
`;

export function compareCommand(session: Session): Command {
  const command = scenarioCommand("compare")
    .description("run strategies over the same seeds: which is better, and by how much")
    .option("-s, --strategy <name>", "strategy to compare (repeatable)", collect)
    .option("--runs <n>", "runs of each strategy", parseRuns, RUNS_DEFAULT)
    .option("--json", "print JSON instead of text");
  return addLimitOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((scenario: string, flags: CompareFlags) => compare(session, scenario, flags));
}

async function compare(session: Session, path: string, flags: CompareFlags): Promise<void> {
  const scenario = await openScenario(path, flags);
  const { title, spec } = scenario;
  const strategies = strategiesOf(scenario, path, flags.strategy);
  const { runs } = flags;
  if (spec.seed + runs - 1 > SEED_MAX) {
    throw new PrecopyError(
      "limit",
      `${runs} runs from seed ${spec.seed} pass the largest seed, ${SEED_MAX}: give a smaller --seed`,
    );
  }
  const words = scenarioWords("compare", path, flags, flags.strategy ?? []);
  const repeat = shellCommand([...words, "--runs", String(runs), "--seed", String(spec.seed)]);
  const all = await runAll(
    session,
    scenario,
    strategies,
    (strategy, seed) => {
      const one = scenarioWords("run", path, flags, [strategy]);
      return shellCommand([...one, "--seed", String(seed)]);
    },
    runs,
  );
  const comparison = compareRuns(all);
  if (flags.json) {
    session.printJson(comparisonJson(comparison));
  } else {
    const { palette, width } = session;
    const guests = spec.migrations.length;
    session.print(comparisonText(comparison, { title, repeat, guests, palette, width }));
  }
  judge(
    session,
    all.flatMap(({ results }) => results),
    limitsOf(flags),
  );
}

/** Runs every strategy with every seed; `repeat` gives the command that repeats one of the runs. */
async function runAll(
  session: Session,
  { spec, registry }: LoadedScenario,
  strategies: readonly string[],
  repeat: (strategy: string, seed: number) => string,
  runs: number,
): Promise<StrategyRuns[]> {
  for (const name of strategies) registry.resolve(name);
  const results = strategies.map((): SimulationResult[] => []);
  for (let i = 0; i < runs; i++) {
    for (const [at, strategy] of strategies.entries()) {
      const one = withStrategy(withSeed(spec, spec.seed + i), strategy);
      session.repeat = repeat(strategy, one.seed);
      const label = `[${i * strategies.length + at + 1}/${runs * strategies.length}]`;
      (results[at] as SimulationResult[]).push(await session.simulate(one, { registry, label }));
    }
  }
  return strategies.map((strategy, at) => ({ strategy, results: results[at] ?? [] }));
}

function strategiesOf(
  { compare }: LoadedScenario,
  path: string,
  given: readonly string[] | undefined,
): readonly string[] {
  const strategies = given ?? compare;
  if (strategies.length === 0) {
    throw new PrecopyError(
      "bad-input",
      `${path} lists no strategies under "compare": give some, as in -s pre-copy@xen -s seed`,
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
