/**
 * What experiments are run on: the shipped recordings, three bandwidths, and one guest of 256 MiB
 * on two hosts.
 */
import { loadTraceFile } from "../src/cli/trace-files.js";
import type { ContentProfileSpec } from "../src/guest/content-profile.js";
import { CONTENT_PROFILES } from "../src/guest/content-profiles.js";
import type { Trace } from "../src/guest/trace.js";
import { cutTrace, tileTrace } from "../src/guest/trace-edit.js";
import { DEFAULT_COSTS, type HostSpec, type SimulationSpec } from "../src/model/spec.js";

const SECOND_NS = 1e9;
/** Pages of the guest, and the instant at which its migration starts. */
const PAGES = 65_536;
const START_NS = 2 * SECOND_NS;
const LIMIT_NS = 300_000_000;

export const BANDWIDTHS = [
  { name: "100 Mbit/s", bytesPerSec: 12.5e6 },
  { name: "1 Gbit/s", bytesPerSec: 125e6 },
  { name: "10 Gbit/s", bytesPerSec: 1250e6 },
] as const;

const folder = "examples/traces";

export interface Recording {
  readonly name: string;
  /** Measured contents of the guest's pages, where they were measured. */
  readonly content?: ContentProfileSpec;
  readonly load: () => Promise<Trace>;
}

/** On the instruction clock at the native rate where the guest was bound by its CPU. */
function wsdt2(name: string, instructionsPerSec?: number): Recording {
  const clock =
    instructionsPerSec === undefined
      ? ({ clock: "time" } as const)
      : { clock: "instructions" as const, instructionsPerSec };
  const load = async () => (await loadTraceFile(`${folder}/${name}.wsdt2.gz`, clock)).trace;
  const content = CONTENT_PROFILES.find((profile) => profile.name === name);
  return { name, load, ...(content && { content }) };
}

/** Booting is cut off in front, the stopped guest behind. */
function wsdt1(name: string, fromSec: number): Recording {
  const load = async () => {
    const { trace } = await loadTraceFile(`${folder}/${name}.wsdt.gz`);
    return cutTrace(trace, { fromNs: fromSec * SECOND_NS, toNs: trace.durationNs - SECOND_NS });
  };
  return { name, load };
}

export const RECORDINGS: readonly Recording[] = [
  wsdt2("idle"),
  wsdt2("redis-paced"),
  wsdt2("redis", 152.66e6),
  wsdt2("gzip", 1279.72e6),
  wsdt2("zipf"),
  wsdt2("hotcold"),
  wsdt2("cc1", 246.03e6),
  wsdt1("lin-idle-pre-100", 5),
  wsdt1("lin-gzip-pre-50", 7),
  wsdt1("lin-dirty-pre", 8),
  wsdt1("lin-redisrate-pre-50", 10),
  {
    name: "gzip.epochs (tiled)",
    load: async () => {
      const { trace } = await loadTraceFile(`${folder}/gzip.epochs.csv.gz`);
      return tileTrace(trace, { pages: PAGES, seed: 1 });
    },
  },
];

/** What one run of an experiment is. */
export interface Experiment {
  readonly trace: Trace;
  readonly bytesPerSec: number;
  readonly strategy: string;
  readonly seed: number;
  /** Default: 300 ms. */
  readonly downtimeLimitNs?: number;
  /** Default: ten minutes. */
  readonly timeoutNs?: number;
  /** Default: nothing that compresses. */
  readonly content?: ContentProfileSpec | undefined;
}

/** One guest of 256 MiB and one VCPU on a host of four CPUs. */
export function specFor(experiment: Experiment): SimulationSpec {
  const { trace, bytesPerSec, strategy, seed, content } = experiment;
  const host = (name: string): HostSpec => ({
    name,
    physicalCpus: 4,
    memoryPages: 1 << 20,
    pml: false,
    dom0: { memoryPages: 1 << 18, vcpus: 1, weight: 256, demandCpus: 0.05 },
    costs: DEFAULT_COSTS,
  });
  return {
    seed,
    hosts: [host("xen-a"), host("xen-b")],
    links: [
      {
        name: "link",
        between: ["xen-a", "xen-b"],
        bandwidthBytesPerSec: bytesPerSec,
        latencyNs: 100_000,
      },
    ],
    domains: [
      {
        name: "guest",
        host: "xen-a",
        pages: PAGES,
        vcpus: 1,
        weight: 256,
        cap: 0,
        demandCpus: 1,
        activity: { kind: "replay", trace, startNs: 0, end: "loop" },
        deviceStateBytes: 65_536,
        suspendDirtiesPages: 190,
        ...(content && { content }),
      },
    ],
    migrations: [
      {
        domain: "guest",
        to: "xen-b",
        strategy,
        startNs: START_NS,
        downtimeLimitNs: experiment.downtimeLimitNs ?? LIMIT_NS,
        timeoutNs: experiment.timeoutNs ?? 600 * SECOND_NS,
      },
    ],
    atOnce: 1,
  };
}
