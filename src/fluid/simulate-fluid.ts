/**
 * Many migrations by counts, on links that they share: 10,000 take a fraction of a second. Links
 * that no migration has in common are run one after the other; a link by itself by virtual time
 * (fair-link.ts), links that paths join by max-min over all of them (max-min-links.ts).
 */
import { PrecopyError } from "../base/errors.js";
import { NS_PER_SEC } from "../base/units.js";
import { Link, type LinkOptions } from "../model/link.js";
import { FairLink } from "./fair-link.js";
import { FluidMigration, type FluidMigrationSpec, type FluidResult } from "./fluid-migration.js";
import { runAlone } from "./lone-sender.js";
import { MaxMinLinks } from "./max-min-links.js";
import { FLUID_STEPS_MAX, FLUID_UNTIL_SEC, type FluidBounds, type FluidCounts } from "./sender.js";

export interface FluidSpec {
  readonly links: readonly LinkOptions[];
  readonly migrations: readonly FluidMigrationSpec[];
}

export const FLUID_MIGRATIONS_MAX = 1_000_000;
/** Of a guest, 64 TiB: pages are counted, not held. */
export const FLUID_PAGES_MAX = 2 ** 34;
const LINKS_MAX = 1_000_000;
/** Recomputing all rates at every step is quadratic. */
const JOINED_MAX = 2_000;

const BOUNDS: FluidBounds = { untilSec: FLUID_UNTIL_SEC, stepsMax: FLUID_STEPS_MAX };

interface Route {
  readonly path: readonly number[];
  readonly migration: FluidMigration;
}

/**
 * Pre-copy by counts instead of pages: when it holds, docs/FLUID.md. Migrations that a bound stops
 * (30 days of simulated time, 20 million steps of all of them) end as `cut-off`.
 *
 * @returns one result a migration, in their order. Times are whole nanoseconds.
 * @throws PrecopyError for what never ends or means nothing: no bandwidth, no pages, unknown
 *   links, presets that do not send in rounds.
 */
export function simulateFluid(spec: FluidSpec, bounds: FluidBounds = BOUNDS): FluidResult[] {
  const { links, indexOf } = makeLinks(spec.links);
  checkCount("migrations", spec.migrations.length, FLUID_MIGRATIONS_MAX);
  const routes = spec.migrations.map((migration, at): Route => {
    checkMigration(migration, at);
    const path = pathOf(migration.path, indexOf, at);
    const crossed = path.map((index) => links[index] as Link);
    const latencyNs = crossed.reduce((sum, link) => sum + link.latencyNs, 0);
    const bytesPerSec = Math.min(...crossed.map((link) => link.goodputBytesPerSec));
    const route = { latencySec: latencyNs / NS_PER_SEC, bytesPerSec };
    return { path, migration: new FluidMigration(migration, route) };
  });
  const capacities = links.map((link) => link.goodputBytesPerSec);
  const counts = { steps: 0 };
  for (const group of joined(routes, links.length)) runGroup(group, capacities, bounds, counts);
  return routes.map(({ migration }) => migration.result());
}

function runGroup(
  group: readonly Route[],
  capacities: readonly number[],
  bounds: FluidBounds,
  counts: FluidCounts,
): void {
  const { path, migration } = group[0] as Route;
  const capacity = Math.min(...path.map((index) => capacities[index] as number));
  if (group.length === 1) return runAlone(migration, capacity, bounds, counts);
  if (group.every((route) => route.path.length === 1)) {
    const senders = group.map((route) => route.migration);
    return new FairLink(capacity, senders).run(bounds, counts);
  }
  checkCount("migrations joined by paths over several links", group.length, JOINED_MAX);
  const mine = [...new Set(group.flatMap((route) => route.path))];
  const numberOf = new Map(mine.map((index, i) => [index, i]));
  const flows = group.map((route) => ({
    sender: route.migration,
    path: route.path.map((index) => numberOf.get(index) as number),
  }));
  new MaxMinLinks(
    mine.map((index) => capacities[index] as number),
    flows,
  ).run(bounds, counts);
}

function makeLinks(options: readonly LinkOptions[]) {
  checkCount("links", options.length, LINKS_MAX);
  const indexOf = new Map<string, number>();
  const links = options.map((option, at) => {
    const link = new Link(option);
    const { bandwidthBytesPerSec: rate } = option;
    if (!(rate > 0 && rate <= 1e18)) {
      throw new PrecopyError(
        "bad-input",
        `the bandwidth of link "${link.name}" is ${rate} bytes a second: fluid mode needs more ` +
          "than 0, at most 1e18, or nothing would ever end",
      );
    }
    if (indexOf.has(link.name)) {
      const problem = `there are two links named "${link.name}": rename one`;
      throw new PrecopyError("bad-input", problem);
    }
    indexOf.set(link.name, at);
    return link;
  });
  return { links, indexOf };
}

function pathOf(names: readonly string[], indexOf: ReadonlyMap<string, number>, at: number) {
  const path = names.map((name) => {
    const index = indexOf.get(name);
    if (index !== undefined) return index;
    throw new PrecopyError("unknown-name", `migration ${at} crosses "${name}", which is no link`);
  });
  if (path.length > 0 && new Set(path).size === path.length) return path;
  const problem = `migration ${at} crosses ${names.join(", ") || "no link"}: name each link once`;
  throw new PrecopyError("bad-input", problem);
}

/** Migrations that have links in common, directly or through others, in their order. */
function joined(routes: readonly Route[], linkCount: number): Route[][] {
  const parent = Int32Array.from({ length: linkCount }, (_, i) => i);
  const root = (start: number): number => {
    let at = start;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at] as number] as number;
      at = parent[at] as number;
    }
    return at;
  };
  for (const { path } of routes) {
    for (const index of path) parent[root(index)] = root(path[0] as number);
  }
  const groups = new Map<number, Route[]>();
  for (const route of routes) {
    const at = root(route.path[0] as number);
    const group = groups.get(at);
    if (group === undefined) groups.set(at, [route]);
    else group.push(route);
  }
  return [...groups.values()];
}

function checkMigration(spec: FluidMigrationSpec, at: number): void {
  const { pages, preset } = spec;
  const fields: [string, number, number, number][] = [
    ["memory in pages", pages, 1, FLUID_PAGES_MAX],
    ["start in nanoseconds", spec.startNs ?? 0, 0, Number.MAX_SAFE_INTEGER],
    ["number of VCPUs", spec.vcpus ?? 1, 1, 65_536],
    ["device state in bytes", spec.deviceStateBytes ?? 0, 0, 1e15],
    ["pages dirtied by suspending", spec.suspendDirtiesPages ?? 0, 0, pages],
    ["downtime limit in nanoseconds", spec.downtimeLimitNs ?? 0, 0, Number.MAX_SAFE_INTEGER],
    ["pages dirtied in 1 s", spec.curve(1), 0, Number.MAX_VALUE],
    ...Object.entries(spec.costs ?? {}).map(([name, value]): [string, number, number, number] => [
      name,
      value,
      0,
      1e15,
    ]),
  ];
  for (const [what, value, from, to] of fields) {
    if (value >= from && value <= to) continue;
    throw new PrecopyError(
      "bad-input",
      `the ${what} of migration ${at} is ${value}: give ${from} to ${to}`,
    );
  }
  if (preset.loop !== "slots") return;
  throw new PrecopyError(
    "unsupported",
    `preset ${preset.name} of migration ${at} does not send in rounds, which fluid mode counts: ` +
      "use page mode",
  );
}

function checkCount(what: string, count: number, max: number): void {
  if (count <= max) return;
  throw new PrecopyError("limit", `there are ${count} ${what}, at most ${max}: split them up`);
}
