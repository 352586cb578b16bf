/**
 * Forecasts a second in one thread, beside one page-exact simulation of the same migration: QEMU's
 * loop by counts against the model's, on guests that write uniformly. `npm run bench:forecast`
 */
import { loadavg } from "node:os";
import { forecast } from "../src/forecast/forecast.js";
import { forecastInputs } from "../src/forecast/forecast-spec.js";
import { simulate } from "../src/model/simulation.js";
import { DEFAULT_COSTS, type HostSpec, type SimulationSpec } from "../src/model/spec.js";
import { median, quartiles } from "./statistics.js";

const TURNS = 7;
const GIB_PAGES = 262_144;

interface Case {
  readonly name: string;
  readonly pages: number;
  readonly writesPerSec: number;
  readonly bandwidthBytesPerSec: number;
  readonly strategy: string;
}

const CASES: readonly Case[] = [
  ...[GIB_PAGES / 4, GIB_PAGES, 8 * GIB_PAGES].map((pages) => ({
    name: `${pages / GIB_PAGES} GiB, 1 Gbit/s`,
    ...{ pages, writesPerSec: 5000, bandwidthBytesPerSec: 125e6, strategy: "pre-copy@qemu102" },
  })),
  {
    name: "8 GiB, 10 Gbit/s, Nova",
    ...{ pages: 8 * GIB_PAGES, writesPerSec: 100_000, bandwidthBytesPerSec: 1.25e9 },
    strategy: "pre-copy+nova@qemu102:max-bandwidth=100Gbit/s",
  },
];

const { version } = process;
console.log(
  `Node ${version}, load average ${loadavg()[0]?.toFixed(1)} at the start, ${TURNS} turns`,
);
console.log(
  "guest, link                point forecast  a second  with range  simulated  total off",
);
for (const one of CASES) {
  const spec = specOf(one);
  const [named] = forecastInputs(spec);
  if (named === undefined) throw new Error("one migration");
  const { input } = named;
  const times = { point: [] as number[], range: [] as number[], simulated: [] as number[] };
  let off = 0;
  for (let turn = 0; turn <= TURNS; turn++) {
    const begin = performance.now();
    const said = forecast({ ...input, circumstances: 0 });
    const pointed = performance.now();
    forecast(input);
    const ranged = performance.now();
    const came = (await simulate(spec)).migrations[0]!;
    const simulated = performance.now();
    off = (said.totalMs.middle * 1e6) / came.totalNs - 1;
    // The first turn warms up.
    if (turn === 0) continue;
    times.point.push(pointed - begin);
    times.range.push(ranged - pointed);
    times.simulated.push(simulated - ranged);
  }
  const { lower: low, upper: high } = quartiles(times.point);
  const point = median(times.point);
  console.log(
    one.name.padEnd(27) +
      `${point.toFixed(2)} ms (${low.toFixed(2)} - ${high.toFixed(2)})`.padStart(14) +
      (1000 / point).toFixed(0).padStart(8) +
      `${median(times.range).toFixed(1)} ms`.padStart(12) +
      `${median(times.simulated).toFixed(0)} ms`.padStart(11) +
      `${(off * 100).toFixed(2)} %`.padStart(11),
  );
}

function specOf({ pages, writesPerSec, bandwidthBytesPerSec, strategy }: Case): SimulationSpec {
  const host = (name: string): HostSpec => ({
    ...{ name, physicalCpus: 4, memoryPages: 1 << 23, pml: false, costs: DEFAULT_COSTS },
    dom0: { memoryPages: 1 << 16, vcpus: 1, weight: 256, demandCpus: 0.05 },
  });
  const pattern = { kind: "uniform", firstPage: 0, pages: pages / 2 } as const;
  return {
    ...{ seed: 1, hosts: [host("a"), host("b")], atOnce: 1 },
    links: [{ name: "wire", between: ["a", "b"], bandwidthBytesPerSec, latencyNs: 100_000 }],
    domains: [
      {
        ...{ name: "guest", host: "a", pages, vcpus: 1, weight: 256, cap: 0, demandCpus: 1 },
        activity: { kind: "synthetic", components: [{ pattern, accessesPerSec: writesPerSec }] },
        ...{ deviceStateBytes: 65_536, suspendDirtiesPages: 0 },
      },
    ],
    migrations: [
      {
        ...{ domain: "guest", to: "b", strategy, startNs: 0 },
        ...{ downtimeLimitNs: 300_000_000, timeoutNs: 3_600_000_000_000 },
      },
    ],
  };
}
