/**
 * `precopy xl`: what Xen's own tools would print of a modelled host at some moment. The columns
 * are those of xl and xentop, so that scripts that read them work here.
 */
import { Command } from "commander";
import { PrecopyError } from "../../base/errors.js";
import type { HostView } from "../../model/domain.js";
import { Simulation } from "../../model/simulation.js";
import type { SimulationSpec } from "../../model/spec.js";
import { hostView } from "../../report/host-view.js";
import { routeOf } from "../../report/summary.js";
import { xlInfo } from "../../report/xl/info.js";
import { xlList } from "../../report/xl/list.js";
import { xlSchedCredit } from "../../report/xl/sched-credit.js";
import { xentop } from "../../report/xl/top.js";
import { xlVcpuList } from "../../report/xl/vcpu-list.js";
import { parseTime, shellCommand } from "../flags.js";
import {
  openScenario,
  type ScenarioFlags,
  scenarioCommand,
  scenarioWords,
} from "../scenario-file.js";
import type { Session } from "../session.js";

interface XlFlags extends ScenarioFlags {
  readonly at: number;
  readonly host?: string;
  readonly strategy?: string;
}

const TOP_DELAY_DEFAULT_NS = 3_000_000_000;

const EXAMPLES = `
Examples:
  precopy xl list examples/seed.yaml                 before anything moves
  precopy xl list examples/seed.yaml --at 1.5s       in the middle of it
  precopy xl top examples/seed.yaml --at 1s --delay 500ms
`;

export function xlCommand(session: Session): Command {
  const xl = new Command("xl")
    .description("print what xl and xentop would show of a modelled host")
    .addHelpText("after", EXAMPLES);
  const tables: [string, string, (view: HostView, flags: { long?: boolean }) => string][] = [
    [
      "list",
      "domains: memory, VCPUs, state, CPU time",
      (v, { long }) => xlList(v, { verbose: long === true }),
    ],
    ["vcpu-list", "VCPUs: where they run, state, CPU time", xlVcpuList],
    ["sched-credit", "the credit scheduler's weights and caps", xlSchedCredit],
    ["info", "the host itself", xlInfo],
  ];
  for (const [name, description, print] of tables) {
    const command = momentCommand(name).description(description);
    if (name === "list") command.option("-v, --long", "with UUIDs and shutdown reasons");
    command.action(async (path: string, flags: XlFlags & { long?: boolean }) => {
      const [view] = await look(session, `xl ${name}`, path, flags, [flags.at]);
      session.print(print(view as HostView, flags));
    });
    xl.addCommand(command);
  }
  xl.addCommand(topCommand(session));
  return xl;
}

function topCommand(session: Session): Command {
  return momentCommand("top")
    .description("two samples of xentop -b: CPU use in between, network and disks")
    .option("-d, --delay <time>", "between the samples", parseTime, TOP_DELAY_DEFAULT_NS)
    .option("-f, --full-names", "whole names instead of their first 10 characters")
    .option("-v, --vcpus", "each VCPU's seconds")
    .action(async (path: string, flags: XlFlags & TopFlags) => {
      const { at, delay, fullNames = false, vcpus = false } = flags;
      if (delay === 0) throw new PrecopyError("bad-input", "--delay is 0: give a time above it");
      const views = await look(session, "xl top", path, flags, [at, at + delay]);
      for (const view of views) session.print(xentop(view, { fullNames, vcpus }));
    });
}

interface TopFlags {
  readonly delay: number;
  readonly fullNames?: boolean;
  readonly vcpus?: boolean;
}

function momentCommand(name: string): Command {
  return scenarioCommand(name)
    .option("-s, --strategy <name>", "strategy instead of the scenario's")
    .option("--at <time>", "moment of virtual time, as in 1.5s", parseTime, 0)
    .option("--host <name>", "which host (default: the one that the first migration leaves)");
}

/** The host at each of these instants, ascending; each view has the one before as its previous. */
async function look(
  session: Session,
  command: string,
  path: string,
  flags: XlFlags,
  instantsNs: readonly number[],
): Promise<HostView[]> {
  const { spec, registry } = await openScenario(
    path,
    { ...flags, needsMigrations: false },
    flags.strategy,
  );
  const words = scenarioWords(
    command,
    path,
    flags,
    flags.strategy === undefined ? [] : [flags.strategy],
  );
  const at = ["--at", `${flags.at}ns`];
  session.repeat = shellCommand([...words, "--seed", String(spec.seed), ...at]);
  const simulation = await Simulation.create(spec, { registry });
  try {
    const host = flags.host ?? firstSource(spec);
    const views: HostView[] = [];
    for (const atNs of instantsNs) {
      simulation.advanceTo(atNs);
      views.push(hostView(simulation, host, { atNs, previous: views.at(-1) }));
    }
    return views;
  } finally {
    simulation.dispose();
  }
}

function firstSource(spec: SimulationSpec): string {
  if (spec.migrations.length > 0) return routeOf(spec, 0).source;
  const first = spec.hosts[0];
  if (first === undefined) throw new PrecopyError("bad-input", "the scenario has no host");
  return first.name;
}
