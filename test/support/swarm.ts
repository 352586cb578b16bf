/**
 * Random small migrations of everything that there is: names from a registry, guests of 1 to 600
 * pages, links that are slow, far, and down for a while, cancels at any instant. One seed gives
 * one case. What must hold in each: it ends, and the checker, which runs in it, is content.
 */

import { Random } from "../../src/base/random.js";
import type { ActivitySpec } from "../../src/guest/activity.js";
import type { Registry } from "../../src/migrate/registry.js";
import type { MigrationResult } from "../../src/model/migration-result.js";
import { Simulation } from "../../src/model/simulation.js";
import { DEFAULT_COSTS, type SimulationSpec } from "../../src/model/spec.js";
import { hotCold, recorded, small, uniform } from "./specs.js";

/** Names of techniques by kind, as a strategy's name takes them; "" leaves the kind out. */
export interface Techniques {
  readonly strategies: readonly string[];
  readonly kinds: readonly (readonly string[])[];
  readonly presets: readonly string[];
}

/** Parameters that make a technique do its other things, and guests too small for its defaults. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  "post-copy": [
    "post-copy:recover",
    "post-copy:preempt,order=forward",
    "post-copy:quiet=50ms,pivots=3,buffer=4KiB",
    "post-copy:order=ascending,recover,preempt",
  ],
  hybrid: ["hybrid:rounds=1", "hybrid:rounds=2,shrink=0.1,recover", "hybrid:flush,preempt"],
  "pre-copy": ["pre-copy:flush"],
};

/** Every name of every kind that the registry knows; new kinds are covered once they are listed. */
export function techniquesOf(registry: Registry): Techniques {
  const all = registry.listTechniques();
  const named = (kind: string) =>
    all.filter((one) => one.kind === kind).map((one) => one.factory.name);
  const apart = new Set<string>(["strategy", "preset", "admission"]);
  const kinds = [...new Set(all.map(({ kind }) => kind))].filter((kind) => !apart.has(kind));
  return {
    strategies: named("strategy").flatMap((name) => [name, ...(VARIANTS[name] ?? [])]),
    kinds: kinds.map((kind) => ["", ...named(kind), ...pairsOf(named(kind), registry)]),
    presets: named("preset"),
  };
}

/**
 * Rows of one value from each list, so that any two values of different lists are in some row
 * together (pairwise testing): greedily, the best of a few random rows at a time.
 */
export function allPairs(lists: readonly (readonly string[])[], seed: number): string[][] {
  const random = new Random(seed);
  const key = (i: number, a: string, j: number, b: string) => JSON.stringify([i, a, j, b]);
  const pairsIn = (row: readonly string[]) =>
    row.flatMap((a, i) => row.slice(i + 1).map((b, k) => key(i, a, i + 1 + k, b)));
  const missing = new Set<string>();
  lists.forEach((list, i) => {
    lists.slice(i + 1).forEach((other, k) => {
      for (const a of list) for (const b of other) missing.add(key(i, a, i + 1 + k, b));
    });
  });
  const rows: string[][] = [];
  for (let first = missing.values().next(); !first.done; first = missing.values().next()) {
    const [i, a, j, b] = JSON.parse(first.value) as [number, string, number, string];
    const draw = () =>
      lists.map((list, at) => {
        if (at === i) return a;
        return at === j ? b : (list[random.below(list.length)] as string);
      });
    const gain = (row: readonly string[]) =>
      pairsIn(row).filter((pair) => missing.has(pair)).length;
    const best = Array.from({ length: 30 }, draw).reduce((x, y) => (gain(y) > gain(x) ? y : x));
    for (const pair of pairsIn(best)) missing.delete(pair);
    rows.push(best);
  }
  return rows;
}

/** Two of a kind, where the registry takes two (codecs one behind the other). */
function pairsOf(names: readonly string[], registry: Registry): string[] {
  const pairs = names.flatMap((a) => names.filter((b) => b !== a).map((b) => `${a}+${b}`));
  return pairs.filter((pair) => {
    try {
      registry.resolve(`pre-copy+${pair}`);
      return true;
    } catch {
      return false;
    }
  });
}

/** "pre-copy" and ["wsclock", "", "nova"] and "xen" → "pre-copy+wsclock+nova@xen". */
export function nameOf(strategy: string, chosen: readonly string[], preset: string): string {
  return `${[strategy, ...chosen.filter((name) => name !== "")].join("+")}@${preset}`;
}

export interface SwarmCase {
  readonly name: string;
  readonly seed: number;
  readonly spec: SimulationSpec;
  /** When somebody cancels, if anybody does. */
  readonly cancelNs: number | undefined;
}

/** Draws the case of a seed; `name` instead of one that is drawn. */
export function swarmCase(seed: number, techniques: Techniques, name?: string): SwarmCase {
  const random = new Random(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  const { strategies, kinds, presets } = techniques;
  const drawn = nameOf(pick(strategies), kinds.map(pick), pick(presets));
  const strategy = name ?? drawn;
  const pages = pick([1, 2, 64, 65, 100, 257, 600]);
  const base = small({
    seed,
    pages,
    strategy,
    activity: activityOf(pages, pick),
    bandwidthBytesPerSec: pick([50_000, 1_000_000, 20_000_000, 1_250_000_000]),
    latencyNs: pick([0, 1000, 100_000, 5_000_000, 40_000_000]),
    pml: pick([true, false]),
    cpus: pick([1, 4]),
    suspendDirtiesPages: pick([0, 1, 190]),
    downtimeLimitNs: pick([1, 10_000_000, 300_000_000, 5_000_000_000]),
    timeoutNs: pick([200_000_000, 5_000_000_000, 60_000_000_000]),
    costs: pick([DEFAULT_COSTS, FREE]),
  });
  const vcpus = pick([1, 2, 4]);
  const spec: SimulationSpec = {
    ...base,
    domains: base.domains.map((domain) => ({
      ...domain,
      vcpus,
      demandCpus: pick([0.01, 1, vcpus]),
      deviceStateBytes: pick([0, 65_536]),
      writeElasticity: pick([0, 0.5, 1]),
    })),
  };
  return { name: strategy, seed, spec, cancelNs: undefined };
}

/**
 * The same case with links that go down and perhaps a cancel, at instants of the run that it was
 * without them: anywhere, or near its end, where the guest is handed over.
 */
export function disturbed(drawn: SwarmCase, { startNs, totalNs }: MigrationResult): SwarmCase {
  const random = new Random(drawn.seed ^ 0x5eed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  const instant = () => {
    const lastNs = Math.min(totalNs, 0xffff_ffff, pick([200_000_000, 50_000_000, 2_000_000]));
    const fromNs = random.below(2) === 0 ? 0 : totalNs - lastNs;
    return startNs + fromNs + random.below(1 + Math.min(0xffff_fffe, totalNs - fromNs));
  };
  const outages = Array.from({ length: random.below(4) }, () => ({
    atNs: instant(),
    ...(random.below(5) > 0 && { forNs: 1 + random.below(pick([1_000_000, 400_000_000])) }),
  }));
  const linkTimeoutNs = pick([80_000_000, 150_000_000, 1_000_000_000]);
  const timeoutNs = pick([100_000_000, 1_000_000_000, 60_000_000_000]) + 2 * linkTimeoutNs;
  const { spec } = drawn;
  return {
    ...drawn,
    spec: {
      ...spec,
      links: spec.links.map((link) => ({ ...link, outages })),
      migrations: spec.migrations.map((move) => ({ ...move, linkTimeoutNs, timeoutNs })),
    },
    cancelNs: random.below(4) === 0 ? instant() : undefined,
  };
}

const FREE = Object.fromEntries(Object.keys(DEFAULT_COSTS).map((key) => [key, 0]));

function activityOf(pages: number, pick: <T>(list: readonly T[]) => T): ActivitySpec {
  const rate = pick([10, 1000, 50_000]);
  const whole = { firstPage: 0, pages };
  return pick<() => ActivitySpec>([
    () => ({ kind: "idle" }),
    () => uniform(pages, rate),
    () => hotCold(pages, rate),
    () => (pages < 100 ? hotCold(pages, rate) : recorded(pages)),
    () => ({
      kind: "synthetic",
      components: [
        {
          pattern: { kind: "sequential", ...whole, writeFraction: 0.5 },
          accessesPerSec: rate,
          phase: { startNs: 5_000_000, endNs: 30_000_000, periodNs: 40_000_000 },
        },
        { pattern: { kind: "uniform", ...whole, writeFraction: 0 }, accessesPerSec: rate },
        {
          pattern: { kind: "zipf", exponent: 1, ...whole, writeFraction: 0.3 },
          accessesPerSec: rate,
        },
      ],
    }),
  ])();
}

/** Steps of a case that does not end; the longest that do take a tenth. */
const STEPS_MAX = 3_000_000;

/** Runs a case to its end. Throws what the checker or an assertion throws, or that it hangs. */
export async function runCase({ spec, cancelNs }: SwarmCase): Promise<MigrationResult> {
  const simulation = await Simulation.create(spec);
  let cancelled = cancelNs === undefined;
  for (let steps = 0; !simulation.ended; steps++) {
    const nextNs = simulation.nextEventNs();
    if (!cancelled && nextNs > (cancelNs as number)) {
      cancelled = true;
      simulation.advanceTo(Math.max(simulation.nowNs, cancelNs as number));
      simulation.cancelAll("cancelled");
      continue;
    }
    if (!Number.isFinite(nextNs)) throw new Error("hangs: nothing will happen any more");
    if (steps > STEPS_MAX) throw new Error(`hangs: ${STEPS_MAX} steps, at ${nextNs} ns`);
    simulation.advanceTo(nextNs);
  }
  const result = simulation.result().migrations[0];
  simulation.dispose();
  if (result === undefined) throw new Error("ended without a result");
  return result;
}

/** A case as it was drawn, and then disturbed; tells the outcomes of both. */
export async function runTwice(drawn: SwarmCase): Promise<readonly string[]> {
  const calm = await runCase(drawn);
  const rough = await runCase(disturbed(drawn, calm));
  return [calm.outcome, `disturbed ${rough.outcome}`];
}
