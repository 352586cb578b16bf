/**
 * Whole migrations: a page-exact simulation of a Zipf writer, sampled by WSClock and checked, against
 * a loop in C that makes the same draws and marks and nothing else; and the memory and time that a
 * guest of 64 GiB takes.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { mix32, Random } from "../src/base/random.js";
import { Kernels, Workload } from "../src/kernels/index.js";
import type { ModelGuest } from "../src/model/model-guest.js";
import { Simulation } from "../src/model/simulation.js";
import type { SimulationSpec } from "../src/model/spec.js";
import { small } from "../test/support/specs.js";
import { aliasTable } from "./cases/workload.js";
import type { BenchContext } from "./context.js";
import type { BenchCase, Contender, Sample } from "./harness.js";
import { FNV_START, fnv, hex, SEED } from "./inputs.js";

export const STRATEGY = "pre-copy+wsclock";
const TEN_GIGABIT_BYTES_PER_SEC = 1_250_000_000;
const EXPONENT = 0.99;
/** Busy guests: each write is one visit of a page, not one instruction. */
const WRITES_PER_SEC = [2_000_000, 5_000_000] as const;

/** One guest of `pages` pages that writes by Zipf's law and moves over 10 Gbit/s. */
export function zipfWriter(
  pages: number,
  writesPerSec: number = WRITES_PER_SEC[0],
): SimulationSpec {
  const pattern = { kind: "zipf", firstPage: 0, pages, exponent: EXPONENT } as const;
  const spec = small({
    seed: SEED,
    pages,
    strategy: STRATEGY,
    bandwidthBytesPerSec: TEN_GIGABIT_BYTES_PER_SEC,
    pml: true,
    activity: {
      kind: "synthetic",
      components: [{ pattern, accessesPerSec: writesPerSec }],
    },
  });
  return { ...spec, hosts: spec.hosts.map((host) => ({ ...host, memoryPages: 2 ** 25 })) };
}

export function simulationCases(context: BenchContext): BenchCase[] {
  const pages = context.small ? 2 ** 12 : 2 ** 20;
  return WRITES_PER_SEC.map((writesPerSec) => simulationCase(context, pages, writesPerSec));
}

function simulationCase(context: BenchContext, pages: number, writesPerSec: number): BenchCase {
  const spec = zipfWriter(pages, writesPerSec);
  return {
    group: "page-exact simulation",
    name: `Zipf ${EXPONENT}, ${writesPerSec / 1e6} M writes/s, ${STRATEGY}, checked`,
    pages,
    unit: "migration",
    operations: 1,
    repeatable: false,
    targets: [{ than: "C", atMost: 2.5 }],
    open: async () => {
      const simulation: Contender = { name: "Wasm", measure: () => simulateOnce(spec) };
      if (context.native === undefined) return [simulation];
      const { start, table, writes } = await whatIsDrawn(spec);
      const numbers = [pages, writes];
      return [simulation, await context.native.contender("zipf-writer", [start, table], numbers)];
    },
  };
}

async function simulateOnce(spec: SimulationSpec): Promise<Sample> {
  const simulation = await Simulation.create(spec);
  const startedMs = performance.now();
  await simulation.run();
  const nsPerRun = (performance.now() - startedMs) * 1e6;
  const digest = hex(fnv(FNV_START, versionsOf(simulation, spec)));
  simulation.dispose();
  return { nsPerRun, digest };
}

/** How often each page was written, on the host where the guest has arrived. */
function versionsOf(simulation: Simulation, spec: SimulationSpec): Uint32Array {
  const [move] = spec.migrations;
  const host = simulation.hosts.get(move?.to as string);
  const guest = host?.domain(move?.domain as string).guest as ModelGuest;
  const { kernels, versionsPtr, pages } = guest.pages;
  return kernels.u32(versionsPtr, pages);
}

/** The stream, the alias table and the number of draws of the simulation's guest. */
async function whatIsDrawn(spec: SimulationSpec) {
  const simulation = await Simulation.create(spec);
  await simulation.run();
  const writes = versionsOf(simulation, spec).reduce((sum, version) => sum + version, 0);
  simulation.dispose();
  const [domain] = spec.domains;
  const activity = domain?.activity;
  if (activity?.kind !== "synthetic") throw new Error("the guest is a synthetic one");
  const pattern = activity.components[0]?.pattern as NonNullable<Workload["spec"]>;
  // As Simulation and SyntheticActivity derive the seeds of the first guest's first component.
  const seed = new Random(mix32(spec.seed ^ mix32(1))).fork(0).next();
  const kernels = Kernels.loadSync({ arenaBytes: Workload.bytesFor(pattern) });
  const workload = Workload.create(kernels, pattern, seed);
  return { start: workload.state().slice(0, 4), table: aliasTable(workload).slice(), writes };
}

/** What the child process bench/guest-64gib.ts reports. */
export interface LargeGuestResult {
  readonly pages: number;
  readonly rounds: number;
  readonly pagesSent: number;
  readonly virtualSec: number;
  readonly createSec: number;
  readonly runSec: number;
  readonly peakResidentBytes: number;
  readonly eventLogHash: string;
}

export const LARGE_GUEST_LIMIT_BYTES = 2 * 2 ** 30;

/** Simulates one guest in a process of its own, so that the peak of its memory is its own. */
export function simulateLargeGuest({ small }: BenchContext): Promise<LargeGuestResult> {
  const pages = small ? 2 ** 12 : 2 ** 24;
  const file = fileURLToPath(new URL("./guest-64gib.ts", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(file, [String(pages)], { execArgv: ["--import", "tsx"] });
    child.once("message", (message) => resolve(message as LargeGuestResult));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the large guest's process ended with ${code}`)));
  });
}
