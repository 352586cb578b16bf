/**
 * Fluid mode beside page mode on guests whose dirty curve has a formula: rounds, total time,
 * downtime, and what each took to compute. `npx tsx bench/fluid.ts`
 */
import { curveOfSynthetic, simulateFluid } from "../src/fluid/index.js";
import type { SyntheticSpec } from "../src/guest/synthetic.js";
import { simulate } from "../src/model/simulation.js";
import { DEFAULT_COSTS, type HostSpec, type SimulationSpec } from "../src/model/spec.js";
import { PRESETS } from "../src/policy/presets/index.js";
import { median } from "./statistics.js";

const PAGES = 262_144;
const TURNS = 5;
const at = { firstPage: 0, pages: PAGES };
const hot = { kind: "hot-cold", ...at, hotPages: PAGES / 8, hotFraction: 0.9 } as const;
const only = (pattern: SyntheticSpec["components"][0]["pattern"], accessesPerSec: number) => ({
  components: [{ pattern, accessesPerSec }],
});

const GUESTS: readonly [string, SyntheticSpec, string][] = [
  ["uniform, 20,000/s", only({ kind: "uniform", ...at }, 20_000), "xen"],
  ["sequential, 20,000/s", only({ kind: "sequential", ...at }, 20_000), "xen"],
  ["hot and cold, 20,000/s", only(hot, 20_000), "xen"],
  ["hot and cold, 200,000/s", only(hot, 200_000), "xen"],
  ["uniform, 10,000/s", only({ kind: "uniform", ...at }, 10_000), "xen2005"],
  ["hot and cold, 10,000/s", only(hot, 10_000), "clark-paper"],
];

console.log("1 GiB, 1 Gbit/s                      rounds     total   downtime      computed in");
for (const [name, activity, preset] of GUESTS) {
  const spec = specOf(activity, preset);
  const times = { page: [] as number[], fluid: [] as number[] };
  let line = "";
  for (let turn = 0; turn < TURNS; turn++) {
    const begin = performance.now();
    const page = (await simulate(spec)).migrations[0]!;
    const middle = performance.now();
    const fluid = fluidOf(spec, activity, preset);
    times.page.push(middle - begin);
    times.fluid.push(performance.now() - middle);
    const off = (ours: number, theirs: number) => `${((ours / theirs - 1) * 100).toFixed(2)} %`;
    const rounds = `${fluid.roundCount} / ${page.rounds.length}`;
    line =
      `${preset.padEnd(12)}${name.padEnd(24)}${rounds.padStart(7)}` +
      `${off(fluid.totalNs, page.totalNs).padStart(10)}` +
      `${off(fluid.downtimeNs, page.downtimeNs).padStart(11)}`;
  }
  const [pageMs, fluidMs] = [median(times.page), median(times.fluid)];
  console.log(`${line}   ${fluidMs.toFixed(2)} ms instead of ${pageMs.toFixed(0)}`);
}

function specOf(activity: SyntheticSpec, preset: string): SimulationSpec {
  const host = (name: string): HostSpec => ({
    name,
    physicalCpus: 4,
    memoryPages: 1 << 22,
    pml: false,
    dom0: { memoryPages: 1 << 16, vcpus: 1, weight: 256, demandCpus: 0.05 },
    costs: DEFAULT_COSTS,
  });
  return {
    seed: 1,
    hosts: [host("a"), host("b")],
    links: [{ name: "wire", between: ["a", "b"], bandwidthBytesPerSec: 125e6, latencyNs: 100_000 }],
    domains: [
      {
        name: "guest",
        host: "a",
        pages: PAGES,
        vcpus: 1,
        weight: 256,
        cap: 0,
        demandCpus: 1,
        activity: { kind: "synthetic", ...activity },
        deviceStateBytes: 65_536,
        suspendDirtiesPages: 0,
      },
    ],
    migrations: [
      {
        domain: "guest",
        to: "b",
        strategy: `pre-copy@${preset}`,
        startNs: 0,
        downtimeLimitNs: 300_000_000,
        timeoutNs: 3_600_000_000_000,
      },
    ],
    atOnce: 1,
  };
}

function fluidOf({ links }: SimulationSpec, activity: SyntheticSpec, name: string) {
  const preset = PRESETS.find((one) => one.name === name)!;
  const curve = curveOfSynthetic(activity);
  const migration = { path: ["wire"], pages: PAGES, curve, preset, deviceStateBytes: 65_536 };
  return simulateFluid({ links, migrations: [migration] })[0]!;
}
