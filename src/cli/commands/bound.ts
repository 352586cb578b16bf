/** `precopy bound`: how far strategies are from what no pre-copy can beat. */
import type { Command } from "commander";
import { formatBytes, formatDuration, formatRate } from "../../base/units.js";
import type { MigrationFloor } from "../../model/floor.js";
import type { MigrationResult } from "../../model/migration-result.js";
import type { SimulationResult } from "../../model/simulation.js";
import { migrationIndexes } from "../../report/summary.js";
import { alignColumns, wrap } from "../../report/text.js";
import { withStrategy } from "../../scenario/index.js";
import { collect, shellCommand } from "../flags.js";
import { type FloorDistance, floorDistance, floorOf } from "../floor.js";
import {
  openScenario,
  type ScenarioFlags,
  scenarioCommand,
  scenarioWords,
} from "../scenario-file.js";
import type { Session } from "../session.js";
import { judge } from "../verdict.js";

interface BoundFlags extends ScenarioFlags {
  readonly strategy?: readonly string[];
  readonly json?: boolean;
}

interface BoundRow {
  readonly strategy: string;
  readonly result: MigrationResult;
  readonly floor: MigrationFloor;
  readonly distance: FloorDistance;
}

const NOTES = `
The floor knows the whole future: each page is sent once, after its last write before the switch.
It holds for pre-copy of an unthrottled guest within the scenario's downtime limit; a strategy
that pauses longer, or slows the guest down, may go below it.

Example:
  precopy bound examples/seed.yaml -s pre-copy@xen -s pre-copy+wsclock
`;

export function boundCommand(session: Session): Command {
  return scenarioCommand("bound")
    .description("compare strategies with the offline floor that no pre-copy can beat")
    .option("-s, --strategy <name>", "strategy (repeatable; default: the scenario's)", collect)
    .option("--json", "print JSON instead of text")
    .addHelpText("after", NOTES)
    .action((scenario: string, flags: BoundFlags) => bound(session, scenario, flags));
}

async function bound(session: Session, path: string, flags: BoundFlags): Promise<void> {
  const { spec, registry, title } = await openScenario(path, flags);
  const { strategy: strategies } = flags;
  const words = scenarioWords("bound", path, flags, strategies ?? []);
  session.repeat = shellCommand([...words, "--seed", String(spec.seed)]);
  const specs = strategies?.map((name) => withStrategy(spec, name)) ?? [spec];
  const results: SimulationResult[] = [];
  const rows: BoundRow[] = [];
  for (const one of specs) {
    const result = await session.simulate(one, { registry });
    results.push(result);
    const indexes = migrationIndexes(result, one);
    for (const [i, migration] of result.migrations.entries()) {
      if (migration.outcome !== "target-runs") continue;
      const floor = await floorOf(one, registry, indexes[i] as number, migration);
      const distance = floorDistance(floor, migration);
      rows.push({ strategy: migration.name, result: migration, floor, distance });
    }
  }
  if (flags.json) session.printJson({ seed: spec.seed, bounds: rows.map(rowJson) });
  else session.print(boundText(rows, { title, session }));
  judge(session, results, {});
}

/** An infinite time is null in JSON. */
function rowJson({ strategy, result, floor, distance }: BoundRow): object {
  return { strategy, guest: result.guest, floor, ...distance };
}

function boundText(
  rows: readonly BoundRow[],
  { title, session }: { title: string; session: Session },
): string {
  const { bold, dim } = session.palette;
  const lines = title === "" ? [] : [bold(title), ""];
  const first = rows[0]?.floor;
  if (first !== undefined) {
    const { bandwidthBytesPerSec, downtimeLimitNs, bytesPerPage } = first;
    const words =
      `Floor of pre-copy at ${formatRate(bandwidthBytesPerSec)} of payload and ${bytesPerPage} ` +
      `bytes a page, with a downtime of at most ${formatDuration(downtimeLimitNs)}, all stages ` +
      "counted:";
    lines.push(...wrap(words.split(" "), session.width), "");
  }
  const [head = "", ...body] = alignColumns(
    [
      ["strategy", "guest", "floor", "took", "factor", "sent", "least"],
      ...rows.map(({ strategy, result, floor, distance }) => [
        strategy,
        result.guest,
        floorText(floor),
        formatDuration(distance.tookNs),
        distance.factor === null ? "" : `${distance.factor.toFixed(2)} ×`,
        formatBytes(result.bytesSent),
        formatBytes(floor.bytes),
      ]),
    ],
    ["left", "left"],
  );
  lines.push(dim(head));
  body.forEach((line, i) => {
    const outside = rows[i]?.distance.outside ?? null;
    lines.push(outside === null ? line : `${line}  (${outside})`);
  });
  if (rows.some(({ distance }) => distance.outside !== null)) {
    lines.push("", "What is in brackets does not belong to the class: the floor does not bind it.");
  }
  return `${lines.join("\n")}\n`;
}

/** The floor's time, or why there is none. */
export function floorText(floor: MigrationFloor): string {
  if (floor.feasible) return formatDuration(floor.migrationTotalNs);
  return floor.traceSufficed ? "no feasible switch" : "trace too short";
}
