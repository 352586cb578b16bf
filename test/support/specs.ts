/** Small simulations for tests: two hosts, one link, one guest that migrates. */
import type { ActivitySpec } from "../../src/guest/activity.js";
import { TraceBuilder } from "../../src/guest/trace.js";
import {
  DEFAULT_COSTS,
  type DomainSpec,
  type HostCosts,
  type HostSpec,
  type SimulationSpec,
} from "../../src/model/spec.js";

export interface SmallOptions {
  readonly seed?: number;
  readonly pages?: number;
  readonly strategy?: string;
  readonly bandwidthBytesPerSec?: number;
  readonly latencyNs?: number;
  readonly activity?: ActivitySpec;
  readonly costs?: Partial<HostCosts>;
  readonly pml?: boolean;
  readonly cpus?: number;
  readonly demandCpus?: number;
  readonly downtimeLimitNs?: number;
  readonly timeoutNs?: number;
  readonly suspendDirtiesPages?: number;
  readonly targetMemoryPages?: number;
}

/** 90 % of writes into a tenth of the pages. */
export function hotCold(pages: number, accessesPerSec: number): ActivitySpec {
  const hotPages = Math.max(1, Math.floor(pages / 10));
  const pattern = { kind: "hot-cold", firstPage: 0, pages, hotPages, hotFraction: 0.9 } as const;
  return { kind: "synthetic", components: [{ pattern, accessesPerSec }] };
}

export function uniform(pages: number, accessesPerSec: number, firstPage = 0): ActivitySpec {
  const pattern = { kind: "uniform", firstPage, pages } as const;
  return { kind: "synthetic", components: [{ pattern, accessesPerSec }] };
}

export function host(name: string, options: SmallOptions = {}): HostSpec {
  return {
    name,
    physicalCpus: options.cpus ?? 4,
    memoryPages: 1 << 22,
    pml: options.pml ?? false,
    dom0: { memoryPages: 1 << 16, vcpus: 1, weight: 256, demandCpus: 0.05 },
    costs: { ...DEFAULT_COSTS, ...options.costs },
  };
}

export function small(options: SmallOptions = {}): SimulationSpec {
  const pages = options.pages ?? 4096;
  const domain: DomainSpec = {
    name: "guest",
    host: "a",
    pages,
    vcpus: 1,
    weight: 256,
    cap: 0,
    demandCpus: options.demandCpus ?? 1,
    activity: options.activity ?? hotCold(pages, 2000),
    deviceStateBytes: 65_536,
    suspendDirtiesPages: options.suspendDirtiesPages ?? 0,
  };
  const target = host("b", options);
  const memoryPages = options.targetMemoryPages ?? target.memoryPages;
  return {
    seed: options.seed ?? 1,
    hosts: [host("a", options), { ...target, memoryPages }],
    links: [
      {
        name: "wire",
        between: ["a", "b"],
        bandwidthBytesPerSec: options.bandwidthBytesPerSec ?? 125_000_000,
        latencyNs: options.latencyNs ?? 100_000,
      },
    ],
    domains: [domain],
    migrations: [
      {
        domain: "guest",
        to: "b",
        strategy: options.strategy ?? "pre-copy",
        startNs: 0,
        downtimeLimitNs: options.downtimeLimitNs ?? 300_000_000,
        timeoutNs: options.timeoutNs ?? 600_000_000_000,
      },
    ],
    atOnce: 1,
  };
}

/** A made-up recording: every 20 ms a hundred pages, the window moving on by ten. */
export function recorded(pages: number): ActivitySpec {
  const header = { pageSizeBytes: 4096, pages, hasReads: false, clock: "time" } as const;
  const builder = new TraceBuilder({ ...header, source: "made up" });
  for (let i = 0; i < 50; i++) {
    const written = Array.from({ length: 100 }, (_, k) => (i * 10 + k) % pages);
    builder.append({ endNs: (i + 1) * 20_000_000, written: written.sort((a, b) => a - b) });
  }
  return { kind: "replay", trace: builder.finish(), startNs: 0, end: "loop" };
}
