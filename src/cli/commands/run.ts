/** `precopy run`: one simulation, one report. */
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { migrationsCsv, roundsCsv } from "../../report/csv.js";
import { toJson } from "../../report/json.js";
import { summaryText } from "../../report/summary.js";
import { toTraceEvents } from "../../report/trace-event.js";
import { writeTextFile } from "../files.js";
import { addLimitOptions, type LimitFlags, limitsOf, shellCommand } from "../flags.js";
import {
  openScenario,
  type ScenarioFlags,
  scenarioCommand,
  scenarioWords,
} from "../scenario-file.js";
import type { Session } from "../session.js";
import { judge } from "../verdict.js";

interface RunFlags extends ScenarioFlags, LimitFlags {
  readonly strategy?: string;
  readonly json?: boolean;
  readonly csv?: string;
  readonly traceEvents?: string;
  readonly scalar?: boolean;
}

const EXAMPLES = `
Examples:
  precopy run examples/seed.yaml
  precopy run examples/seed.yaml -s pre-copy+wsclock:tau=200ms@xen2005 --seed 7
  precopy run examples/seed.yaml --max-downtime 300ms     exits with 3 if the pause was longer
  precopy run examples/seed.yaml --json | jq .migrations[0].downtimeNs
`;

export function runCommand(session: Session): Command {
  const command = scenarioCommand("run")
    .description("migrate as the scenario says, and report rounds, stages and costs")
    .option("-s, --strategy <name>", "strategy instead of the scenario's", only)
    .option("--json", "print JSON instead of text")
    .option("--csv <folder>", "write migrations.csv and rounds.csv there as well")
    .option("--trace-events <file>", "write the run as trace events, for Perfetto, as well")
    .option("--scalar", "use the kernels without SIMD");
  return addLimitOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((scenario: string, flags: RunFlags) => run(session, scenario, flags));
}

async function run(session: Session, path: string, flags: RunFlags): Promise<void> {
  const { strategy, scalar = false, csv, traceEvents } = flags;
  const { title, spec, registry } = await openScenario(path, flags, strategy);
  const words = scenarioWords("run", path, flags, strategy === undefined ? [] : [strategy]);
  const repeat = shellCommand([
    ...words,
    "--seed",
    String(spec.seed),
    ...(scalar ? ["--scalar"] : []),
  ]);
  session.repeat = repeat;
  const result = await session.simulate(spec, { registry, scalar });
  const limits = limitsOf(flags);
  if (flags.json) {
    session.printJson(toJson(result));
  } else {
    const { palette, width } = session;
    session.print(summaryText(result, { title, spec, repeat, limits, palette, width }));
  }
  if (csv !== undefined) {
    await writeTextFile(join(csv, "migrations.csv"), migrationsCsv([result]));
    await writeTextFile(join(csv, "rounds.csv"), roundsCsv([result]));
  }
  if (traceEvents !== undefined) {
    await writeTextFile(traceEvents, `${JSON.stringify(toTraceEvents(result))}\n`);
  }
  judge(session, [result], limits);
}

function only(value: string, before: string | undefined): string {
  if (before === undefined) return value;
  throw new InvalidArgumentError("A run has one strategy; precopy compare takes several.");
}
