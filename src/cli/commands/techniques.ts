/** `precopy techniques`: every name that a strategy can be put together from, and admission rules. */
import { Command } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { formatParam, type ParamSpec, paramRange } from "../../base/params.js";
import type { ListedTechnique, Registry } from "../../migrate/registry.js";
import { representativeNames } from "../../migrate/representatives.js";
import { STRATEGY_GRAMMAR } from "../../migrate/strategy-name.js";
import { alignColumns, wrap } from "../../report/text.js";
import { suggestion } from "../../scenario/problems.js";
import { collect } from "../flags.js";
import { registryWith } from "../scenario-file.js";
import type { Session } from "../session.js";

/** Version of the form of `techniques --json`. */
export const TECHNIQUES_SCHEMA_VERSION = 1;

interface TechniquesFlags {
  readonly json?: boolean;
  readonly plugin?: readonly string[];
}

const EXAMPLES = `
Examples:
  precopy techniques                  all names, each with its source and parameters
  precopy techniques wsclock          one of them: what its parameters are and may be
  precopy techniques --json | jq -r '.techniques[] | select(.kind == "throttle").name'
`;

export function techniquesCommand(session: Session): Command {
  return new Command("techniques")
    .alias("strategies")
    .argument("[name]", "one of them in full")
    .description("list strategies, techniques, presets and rules, with parameters and sources")
    .option("--json", "print JSON instead of text")
    .option("--plugin <file>", "module with more of them (repeatable)", collect)
    .addHelpText("after", EXAMPLES)
    .action((name: string | undefined, flags: TechniquesFlags) => techniques(session, name, flags));
}

async function techniques(
  session: Session,
  name: string | undefined,
  { json, plugin = [] }: TechniquesFlags,
): Promise<void> {
  const registry = await registryWith(plugin);
  const all = registry.listTechniques();
  const chosen = name === undefined ? all : all.filter(({ factory }) => factory.name === name);
  if (name !== undefined && chosen.length === 0) {
    const known = all.map(({ factory }) => factory.name);
    throw new PrecopyError(
      "unknown-name",
      `nothing is named "${name}": ${suggestion(name, known)}`,
    );
  }
  const written = writtenAs(registry);
  if (json) {
    session.printJson({
      schemaVersion: TECHNIQUES_SCHEMA_VERSION,
      grammar: STRATEGY_GRAMMAR,
      kinds: registry.kinds(),
      techniques: chosen.map((one) => techniqueJson(one, written(one))),
    });
    return;
  }
  const lines =
    name === undefined
      ? listLines(session, registry)
      : chosen.flatMap((one, i) => [...(i > 0 ? [""] : []), ...fullLines(session, one, written)]);
  session.print(`${lines.join("\n")}\n`);
}

/** Headings of the list; a kind that is not here is headed by its own name. */
const HEADINGS: Readonly<Record<string, readonly [title: string, words: string]>> = {
  strategy: ["Strategies", "what happens, and when the guest pauses"],
  predictor: ["Predictors", "which pages are held back to the pause: +NAME"],
  throttle: ["Throttles", "how the guest is slowed down: +NAME"],
  codec: ["Codecs", "how pages are put on the wire, several in a row: +NAME"],
  reclaim: ["Reclaim", "memory that is given back instead of moved: +NAME"],
  storage: ["Storage", "disks that move along: +NAME"],
  manager: ["Managers", "who watches the move and turns its knobs: +NAME"],
  preset: ["Presets", "the loop of a real toolstack: @NAME"],
  admission: ["Admission", "which of several migrations may start: --admission NAME"],
};

function listLines({ palette: { bold, dim }, width }: Session, registry: Registry): string[] {
  const all = registry.listTechniques();
  const lines = [
    `Written as ${STRATEGY_GRAMMAR},`,
    "as in pre-copy, pre-copy+wsclock:tau=200ms@xen2005 or pre-copy+auto-converge+kubevirt@qemu72.",
  ].flatMap((line) => wrap(line.split(" "), width));
  for (const kind of registry.kinds()) {
    const entries = all.filter((one) => one.kind === kind);
    if (entries.length === 0) continue;
    const [title, words] = HEADINGS[kind] ?? [kind, "+NAME"];
    lines.push("", `${bold(title)}  ${dim(words)}`);
    const columns = Math.max(...entries.map(({ factory }) => factory.name.length));
    const indent = " ".repeat(columns + 4);
    for (const { factory } of entries) {
      lines.push(`  ${factory.name.padEnd(columns)}  ${factory.summary}`);
      lines.push(indent + dim(factory.source));
      const rows = Object.entries(factory.params ?? {}).map(([key, spec]) => [
        valueText(key, spec),
        spec.help,
      ]);
      lines.push(...alignColumns(rows, ["left", "left"]).map((line) => indent + line));
    }
  }
  return lines;
}

/** One technique: what it is, how it is written, and what each parameter may be. */
function fullLines(
  { palette: { bold, dim }, width }: Session,
  one: ListedTechnique,
  written: (one: ListedTechnique) => string,
): string[] {
  const { kind, factory } = one;
  const facts: [string, string][] = [
    ["source", factory.source],
    ["written", written(one)],
    ...Object.entries(defaultsOf(one)).map(([key, name]): [string, string] => [key, name]),
  ];
  const lines = [
    `${bold(factory.name)}  ${dim(kind)}`,
    ...wrap(factory.summary.split(" "), width - 2).map((line) => `  ${line}`),
    "",
    ...alignColumns(
      facts.map(([label, text]) => [`  ${label}`, text]),
      ["left", "left"],
    ),
  ];
  const params = Object.entries(factory.params ?? {});
  if (params.length === 0) return [...lines, "", "  It takes no parameters."];
  lines.push("", dim("  parameter and default"));
  for (const [key, spec] of params) {
    lines.push(`  ${valueText(key, spec)}`);
    const text = `${spec.help}; ${paramRange(spec)}`;
    lines.push(...wrap(text.split(" "), width - 6).map((line) => `      ${line}`));
  }
  return lines;
}

function techniqueJson(one: ListedTechnique, written: string): object {
  const { kind, factory } = one;
  const { name, summary, source, params = {} } = factory;
  const entries = Object.entries(params).map(([key, spec]) => [
    key,
    {
      kind: spec.kind,
      default: formatParam(spec),
      takes: paramRange(spec),
      ...(spec.kind === "choice" && { choices: spec.choices }),
      help: spec.help,
    },
  ]);
  return {
    kind,
    name,
    summary,
    source,
    written,
    ...defaultsOf(one),
    params: Object.fromEntries(entries),
  };
}

/** What a strategy has where nothing else is named. */
function defaultsOf({ kind, factory }: ListedTechnique): { predictor?: string; preset?: string } {
  if (kind !== "strategy") return {};
  const { defaultPredictor, defaultPreset } = factory as ListedTechnique["factory"] & {
    readonly defaultPredictor: string;
    readonly defaultPreset: string;
  };
  return { predictor: defaultPredictor, preset: defaultPreset };
}

/** A name that each one stands in. */
function writtenAs(registry: Registry): (one: ListedTechnique) => string {
  const names = representativeNames(registry);
  return ({ kind, factory: { name } }) => {
    if (kind === "strategy") return name;
    if (kind === "admission") return `--admission ${name}`;
    const part = `${kind === "preset" ? "@" : "+"}${name}`;
    const found = names.find((text) => text.endsWith(part) || text.includes(`${part}@`));
    return found ?? `pre-copy${part}`;
  };
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
