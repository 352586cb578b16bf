/**
 * `precopy tour`: the seed paper's experiment, explained as it runs. A Xen host with Domain-0 and
 * four guests (the paper's section V and its figure 3); what is to move moves by each strategy in
 * turn. The guests replay recorded page traces.
 */
import { Command } from "commander";
import { formatDuration, formatRate } from "../../base/units.js";
import type { MigrationFloor } from "../../model/floor.js";
import type { MigrationResult } from "../../model/migration-result.js";
import { Simulation, type SimulationResult } from "../../model/simulation.js";
import type { SimulationSpec } from "../../model/spec.js";
import { compareRuns } from "../../report/compare.js";
import { comparisonText } from "../../report/compare-text.js";
import { hostView } from "../../report/host-view.js";
import { checkedText } from "../../report/migration-text.js";
import { stagesTable } from "../../report/stages-table.js";
import { explainStop } from "../../report/stop-reason.js";
import { migrationIndexes, migrationText, routeOf } from "../../report/summary.js";
import { plural, wrap } from "../../report/text.js";
import { xlList } from "../../report/xl/list.js";
import { withBandwidth, withStrategy } from "../../scenario/index.js";
import { type FloorDistance, floorDistance, floorOf } from "../floor.js";
import { type LoadedScenario, openScenario } from "../scenario-file.js";
import type { Session } from "../session.js";
import { judge } from "../verdict.js";

const SCENARIO = "examples/seed.yaml";

/** What the tour shows, and what each is for. */
const STOPS: readonly (readonly [strategy: string, words: string])[] = [
  [
    "suspend",
    "Pause the guest, send all of its memory, run it over there. Nothing is sent twice, and nobody can use the guest meanwhile.",
  ],
  [
    "pre-copy@xen",
    "Xen's loop of today: send everything while the guest runs, then again what it wrote meanwhile, at most five rounds, and pause for the rest.",
  ],
  [
    "pre-copy+lru-splay",
    "The same rounds, but pages used lately (the head of an LRU list and the top of a splay tree) are held back and sent once, in the pause, as many as the downtime budget allows. Sampling them before the first round is part of initialisation.",
  ],
  [
    "pre-copy+wsclock",
    "The working set is found by WSClock instead: a page written within tau of the guest's own time is held back.",
  ],
  [
    "seed",
    "The whole method: WSClock finds the working set, the rest is pushed, and after each round the guest's CPU share is lowered until it writes more slowly than the link sends.",
  ],
];

export function tourCommand(session: Session): Command {
  return new Command("tour")
    .description("the method's own experiment, strategy by strategy, explained")
    .action(() => tour(session));
}

async function tour(session: Session): Promise<void> {
  const scenario = await openScenario(SCENARIO, {});
  const { spec, registry } = scenario;
  session.repeat = "precopy tour";
  await introduce(session, scenario);
  const all: SimulationResult[] = [];
  for (const [at, [strategy, words]] of STOPS.entries()) {
    const one = withStrategy(spec, strategy);
    const label = `[${at + 1}/${STOPS.length}]`;
    const result = await session.simulate(one, { registry, label });
    all.push(result);
    await show(session, { number: at + 1, strategy, words, spec: one, result, scenario });
  }
  heading(session, "Side by side");
  sideBySide(session, all);
  heading(session, "The same over a slower link");
  const slow: SimulationResult[] = [];
  for (const [strategy] of STOPS) {
    const one = withBandwidth(withStrategy(spec, strategy), SLOW_BYTES_PER_SEC);
    slow.push(await session.simulate(one, { registry, label: strategy }));
  }
  session.print(paragraph(session, SLOW_WORDS));
  session.print("\n");
  sideBySide(session, slow);
  session.print(NEXT);
  judge(session, all, {});
}

/** 100 Mbit/s: Clark et al.'s lowest rate, and what a busy network leaves a migration. */
const SLOW_BYTES_PER_SEC = 12.5e6;
const SLOW_WORDS = `${formatRate(SLOW_BYTES_PER_SEC)} instead: rounds are longer, so more is written while they run and more is sent again. What looking first costs is the same second as before.`;

function sideBySide(session: Session, results: readonly SimulationResult[]): void {
  const { palette, width } = session;
  const comparison = compareRuns(
    STOPS.map(([strategy], at) => ({ strategy, results: [results[at] as SimulationResult] })),
  );
  const guests = results[0]?.migrations.length ?? 0;
  session.print(comparisonText(comparison, { repeat: "precopy tour", guests, palette, width }));
}

const NEXT = `
Next:
  precopy run ${SCENARIO} -s pre-copy@xen2005   the loop of Xen in 2005, round by round
  precopy compare ${SCENARIO} --runs 10         ten seeds: mean, deviation, who wins
  precopy compare examples/busy-database.yaml            a guest that writes faster than it can be sent
  precopy xl top ${SCENARIO} --at 2s            the host in the middle of it
  precopy techniques                                     everything that can be written after -s
  precopy demo                                           a real x86 guest moves between two processes
`;

async function introduce(
  session: Session,
  { spec, registry, title }: LoadedScenario,
): Promise<void> {
  const { source, target, link } = routeOf(spec, 0);
  const guests = plural(spec.migrations.length, "guest");
  if (title !== "") session.print(`${session.palette.bold(title)}\n\n`);
  session.print(
    paragraph(
      session,
      `${guests} will move from ${source} to ${target} over ${link}, ${atOnceText(spec)}. This is the modelled host as Xen's own tool would show it after one second:`,
    ),
  );
  const simulation = await Simulation.create({ ...spec, migrations: [] }, { registry });
  try {
    const view = hostView(simulation, source, { atNs: 1_000_000_000 });
    session.print(`\n$ xl list\n${xlList(view)}`);
  } finally {
    simulation.dispose();
  }
}

function atOnceText({ atOnce, admission, migrations }: SimulationSpec): string {
  if (migrations.length === 1) return "by each strategy in turn";
  if (admission !== undefined) return `admitted by ${admission}`;
  return atOnce === 1 ? "one after the other" : `${Math.min(atOnce, migrations.length)} at a time`;
}

interface Stop {
  readonly number: number;
  readonly strategy: string;
  readonly words: string;
  readonly spec: SimulationSpec;
  readonly result: SimulationResult;
  readonly scenario: LoadedScenario;
}

async function show(session: Session, stop: Stop): Promise<void> {
  const { number, strategy, words, spec, result } = stop;
  heading(session, `${number}. ${strategy}`);
  session.print(paragraph(session, words));
  session.print("\n");
  const indexes = migrationIndexes(result, spec);
  const floors: (FloorResult | undefined)[] = [];
  for (const [i, migration] of result.migrations.entries()) {
    floors.push(await floorResult(stop, indexes[i] as number, migration));
  }
  const [first] = result.migrations;
  if (result.migrations.length === 1 && first !== undefined) {
    const { palette, width } = session;
    session.print(migrationText(first, 0, { spec, repeat: "", palette, width }));
    session.print(`\n${paragraph(session, floorSentence(floors[0]))}`);
    return;
  }
  const table = stagesTable(result.migrations, [["time / floor", floors.map(factorText)]]);
  session.print(`${table.join("\n")}\n\n`);
  session.print(paragraph(session, pausedText(result.migrations)));
  session.print(paragraph(session, `Checked: ${checkedText(result.migrations)}.`));
}

interface FloorResult {
  readonly floor: MigrationFloor;
  readonly distance: FloorDistance;
}

async function floorResult(
  { spec, scenario }: Stop,
  index: number,
  migration: MigrationResult,
): Promise<FloorResult | undefined> {
  if (migration.outcome !== "target-runs") return undefined;
  const floor = await floorOf(spec, scenario.registry, index, migration);
  return { floor, distance: floorDistance(floor, migration) };
}

/** How much faster a pre-copy that knew the future could have been. */
function floorSentence(result: FloorResult | undefined): string {
  if (result === undefined) return "It was aborted: there is nothing to compare with the floor.";
  const { floor, distance } = result;
  const within = `within a downtime of ${formatDuration(floor.downtimeLimitNs)}`;
  if (distance.factor === null) return `No pre-copy of this guest could switch ${within}.`;
  const least = formatDuration(floor.migrationTotalNs);
  const took = `this one took ${formatDuration(distance.tookNs)}, ${distance.factor.toFixed(2)} times that`;
  const outside =
    distance.outside === null ? "" : ` (it ${distance.outside}, so the floor does not bind it)`;
  return `A pre-copy that knew the guest's future needs ${least} ${within}; ${took}${outside}.`;
}

/** "1.31", or in brackets where the strategy does not belong to the floor's class. */
function factorText(result: FloorResult | undefined): string {
  if (result === undefined || result.distance.factor === null) return "none";
  const { factor, outside } = result.distance;
  return outside === null ? factor.toFixed(2) : `(${factor.toFixed(2)})`;
}

/** Why each guest was paused, guests with the same reason together. */
function pausedText(migrations: readonly MigrationResult[]): string {
  const guestsOf = new Map<string, string[]>();
  for (const { guest, stopReason } of migrations) {
    guestsOf.set(stopReason, [...(guestsOf.get(stopReason) ?? []), guest]);
  }
  const parts = [...guestsOf].map(
    ([reason, guests]) => `${guests.join(", ")}: ${explainStop(reason)}`,
  );
  return `Why it paused: ${parts.join("; ")}.`;
}

function heading(session: Session, text: string): void {
  session.print(`\n${session.palette.bold(text)}\n`);
}

function paragraph({ width }: Session, text: string): string {
  return `${wrap(text.split(" "), Math.min(width, 100)).join("\n")}\n`;
}
