/** `precopy strategies`: every name that a strategy can be put together from. */
import { Command } from "commander";
import { formatParam, type ParamSpec, type ParamSpecs } from "../../base/params.js";
import { alignColumns } from "../../report/text.js";
import { collect } from "../flags.js";
import { registryWith } from "../scenario-file.js";
import type { Session } from "../session.js";

interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly params?: ParamSpecs;
}

export function strategiesCommand(session: Session): Command {
  return new Command("strategies")
    .description("list strategies, predictors and presets with their parameters and sources")
    .option("--plugin <file>", "module with more of them (repeatable)", collect)
    .action(({ plugin }: { plugin?: readonly string[] }) => list(session, plugin));
}

async function list(session: Session, plugins: readonly string[] = []): Promise<void> {
  const registry = await registryWith(plugins);
  const { dim, bold } = session.palette;
  const sections: [string, string, readonly Entry[]][] = [
    ["Strategies", "what happens, and when the guest pauses", registry.listStrategies()],
    ["Predictors", "which pages are held back to the pause: +NAME", registry.listPredictors()],
    ["Presets", "the loop of a real toolstack: @NAME", registry.listPresets()],
    ["Admission", "which of several migrations may start: admission", registry.listAdmissions()],
  ];
  const lines = [
    "Written as strategy[:params][+predictor[:params]][@preset],",
    "as in pre-copy, pre-copy+wsclock:tau=200ms@xen2005 or seed:margin=0.8.",
  ];
  for (const [title, words, entries] of sections) {
    lines.push("", `${bold(title)}  ${dim(words)}`);
    const width = Math.max(...entries.map(({ name }) => name.length));
    const indent = " ".repeat(width + 4);
    for (const { name, summary, source, params = {} } of entries) {
      lines.push(`  ${name.padEnd(width)}  ${summary}`, indent + dim(source));
      for (const line of paramLines(params)) lines.push(indent + line);
    }
  }
  session.print(`${lines.join("\n")}\n`);
}

function paramLines(params: ParamSpecs): string[] {
  const rows = Object.entries(params).map(([key, spec]) => [valueText(key, spec), spec.help]);
  return alignColumns(rows, ["left", "left"]);
}

/** As it is written, with the default: "tau=auto", "flush", "bits=write|reference". */
function valueText(key: string, spec: ParamSpec): string {
  switch (spec.kind) {
    case "flag":
      return key;
    case "choice": {
      const others = spec.choices.filter((choice) => choice !== spec.default);
      return `${key}=${[spec.default, ...others].join("|")}`;
    }
    default:
      return `${key}=${formatParam(spec)}`;
  }
}
