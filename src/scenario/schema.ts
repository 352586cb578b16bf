/**
 * The form of a scenario file: hosts, links, guests and what is to be migrated, written as people
 * write it, with a default for whatever can have one. `references.ts` and `checks.ts` look at what
 * fields mean together.
 */
import { z } from "zod";
import { PrecopyError } from "../base/errors.js";
import { NS_PER_SEC, PAGE_SIZE_BYTES, parseDuration } from "../base/units.js";
import type { Phase } from "../guest/synthetic.js";
import { TRACE_READ_FORMATS } from "../guest/trace-read.js";
import type { Registry } from "../migrate/registry.js";
import { CREDIT_DEFAULT_WEIGHT, CREDIT_MAX_WEIGHT } from "../model/credit-scheduler.js";
import { DEFAULT_COSTS, GUEST_PAGES_MAX, SIMULATION_NS_MAX } from "../model/spec.js";
import {
  bandwidth,
  choice,
  decimal,
  duration,
  flag,
  integer,
  list,
  mapping,
  mappingError,
  named,
  parsed,
  perSecond,
  size,
  words,
} from "./fields.js";
import { shown } from "./problems.js";

/** What `compare` runs when neither the scenario nor the command names strategies. */
export const DEFAULT_COMPARE = [
  "suspend",
  "pre-copy@xen",
  "pre-copy+lru-splay",
  "pre-copy+wsclock",
  "seed",
] as const;

const HOST_MEMORY_MAX = 2 ** 50;
const GUEST_MEMORY_MAX = GUEST_PAGES_MAX * PAGE_SIZE_BYTES;
const CPUS_MAX = 4096;
const COST_NS_MAX = 3600 * NS_PER_SEC;
const SEED_MAX = 2 ** 32 - 1;

/** The whole file. Strategies are looked up in `registry`. */
export function scenarioSchema(registry: Registry) {
  return mapping(
    {
      title: words({
        description: "What the scenario shows, in a line.",
        example: "Web shop",
      }).prefault("Untitled scenario"),
      seed: integer({
        description: "One seed gives one result, on every machine.",
        example: 1,
        min: 0,
        max: SEED_MAX,
      }).prefault(1),
      hosts: named(hostSchema(), { description: "Xen hosts by name.", max: 1024 }),
      links: list(linkSchema(), {
        description: "Which hosts are joined, and how.",
        max: 4096,
      }).prefault([]),
      guests: named(guestSchema(), { description: "Virtual machines by name.", max: 4096 }),
      migrate: list(migrationSchema(registry), {
        description: "What is migrated, in the order in which migrations wait for one another.",
        max: 4096,
      }).prefault([]),
      "at-once": atOnceField().prefault(1),
      compare: list(strategyField(registry), {
        description: "Strategies that the compare command runs, each on the same seeds.",
        max: 64,
      })
        .min(1, { error: "is empty: name a strategy, or leave the key out" })
        .prefault([...DEFAULT_COMPARE]),
    },
    "A scenario of precopy: hosts, links, guests, and which guests are migrated how.",
  );
}

export type ScenarioFile = z.output<ReturnType<typeof scenarioSchema>>;
export type HostFile = ScenarioFile["hosts"][string];
export type LinkFile = ScenarioFile["links"][number];
export type GuestFile = ScenarioFile["guests"][string];
export type TraceFile = NonNullable<GuestFile["trace"]>;
export type ComponentFile = NonNullable<GuestFile["workload"]>[number];
export type MigrationFile = ScenarioFile["migrate"][number];

function atOnceField() {
  const error = ({ input }: { readonly input?: unknown }) =>
    `${shown(input)} must be all, or a whole number from 1 to 4096`;
  return z
    .union(
      [z.literal("all"), z.number({ error }).int({ error }).min(1, { error }).max(4096, { error })],
      {
        error,
      },
    )
    .meta({ description: 'Migrations that may run at a time, or "all".' });
}

function hostSchema() {
  return mapping(
    {
      cpus: integer({ description: "Physical CPUs.", min: 1, max: CPUS_MAX }).prefault(4),
      memory: size({
        description: "Physical memory.",
        example: "8GiB",
        min: 2 ** 20,
        max: HOST_MEMORY_MAX,
      }).prefault("64GiB"),
      pml: flag({
        description: "Page-modification logging in hardware: one exit for 512 logged pages.",
      }).prefault(false),
      dom0: dom0Schema().prefault({}),
      costs: costsSchema().prefault({}),
    },
    "A Xen host.",
  );
}

function dom0Schema() {
  return mapping(
    {
      memory: size({ description: "Memory of Domain-0.", min: 0, max: HOST_MEMORY_MAX }).prefault(
        "1GiB",
      ),
      vcpus: integer({ description: "VCPUs of Domain-0.", min: 1, max: CPUS_MAX }).prefault(1),
      weight: weightField().prefault(CREDIT_DEFAULT_WEIGHT),
      cpus: decimal({
        description: "CPUs that Domain-0 uses apart from migrations.",
        min: 0,
        max: CPUS_MAX,
      }).prefault(0.05),
    },
    "Domain-0: the toolstack, which sends and receives, runs here.",
  );
}

function costsSchema() {
  const cost = (description: string, defaultNs: number) =>
    duration({ description, example: "5ms", min: 0, max: COST_NS_MAX }).prefault(exact(defaultNs));
  return mapping(
    {
      initialise: cost("Finding and contacting the target.", DEFAULT_COSTS.initialiseNs),
      reserve: cost("Building an empty domain on the target.", DEFAULT_COSTS.reserveNs),
      "log-dirty-per-gib": duration({
        description: "Turning the dirty log on, or reading it once, for each GiB of the guest.",
        example: "550us",
        min: 0,
        max: COST_NS_MAX,
      }).optional(),
      "write-fault": cost("First write to a logged page, without PML.", DEFAULT_COSTS.writeFaultNs),
      "pml-exit": cost("The exit that a full PML buffer causes.", DEFAULT_COSTS.pmlExitNs),
      suspend: cost("From the request to the guest standing still.", DEFAULT_COSTS.suspendNs),
      restore: cost("Target: from the last byte to a whole image.", DEFAULT_COSTS.restoreNs),
      commit: cost("Source: recording that it gives up the guest.", DEFAULT_COSTS.commitNs),
      unpause: cost("Target: to the first instruction.", DEFAULT_COSTS.unpauseNs),
      "attach-devices": cost("Target: devices attached again.", DEFAULT_COSTS.attachDevicesNs),
      announce: cost("Target: announcing the guest's address.", DEFAULT_COSTS.announceNs),
      "dom0-cpus-per-gbit": decimal({
        description: "CPUs of Domain-0 that sending or receiving 1 Gbit/s takes.",
        min: 0,
        max: 64,
      }).prefault(DEFAULT_COSTS.dom0CpusPerGbit),
    },
    "Fixed costs of the toolstack and the hypervisor.",
  );
}

function linkSchema() {
  const host = words({ description: "Name of a host.", example: "xen-a" });
  return mapping(
    {
      between: z
        .tuple([host, host], { error: "must name two hosts, as in [xen-a, xen-b]" })
        .meta({ description: "The two hosts that it joins.", examples: [["xen-a", "xen-b"]] }),
      bandwidth: bandwidth({
        description: "Rate on the wire, frame headers included; both ways at once.",
        min: 125,
        max: 125e12,
      }).prefault("1Gbit/s"),
      latency: duration({
        description: "One-way delay.",
        example: "100us",
        min: 0,
        max: 60 * NS_PER_SEC,
      }).prefault("100us"),
      mtu: integer({
        description: "Largest packet in bytes, headers of IPv4 and TCP included.",
        example: 9000,
        min: 576,
        max: 65_535,
      }).prefault(1500),
    },
    "A link between two hosts, of Ethernet frames with TCP in them.",
  );
}

function guestSchema() {
  return mapping(
    {
      on: words({ description: "The host that it runs on.", example: "xen-a" }),
      memory: size({
        description: "Memory, rounded up to pages of 4 KiB. Default: as much as its trace has.",
        min: PAGE_SIZE_BYTES,
        max: GUEST_MEMORY_MAX,
      }).optional(),
      vcpus: integer({ description: "VCPUs.", min: 1, max: CPUS_MAX }).prefault(1),
      weight: weightField().prefault(CREDIT_DEFAULT_WEIGHT),
      cap: integer({
        description: "Credit scheduler's cap: 0 none, 100 one physical CPU.",
        min: 0,
        max: 100 * CPUS_MAX,
      }).prefault(0),
      cpus: decimal({
        description:
          "CPUs that it would use if it were alone. Default: 1 with a trace or workload, else 0.01.",
        min: 0,
        max: CPUS_MAX,
      }).optional(),
      trace: traceSchema().optional(),
      workload: list(componentSchema(), {
        description: "Access patterns that run side by side.",
        max: 64,
      }).optional(),
      "device-state": size({
        description: "State of CPUs and devices, sent in the pause.",
        min: 0,
        max: 2 ** 30,
      }).prefault("64KiB"),
      "suspend-dirties": integer({
        description: "Pages that suspending itself writes (190 measured: Xen 4.17, PV Linux).",
        min: 0,
        max: 65_536,
      }).prefault(190),
    },
    "A virtual machine. Without a trace or a workload it writes nothing.",
  );
}

function traceSchema() {
  return mapping(
    {
      file: words({
        description: "Path of the recording, from the folder of the scenario.",
        example: "traces/redis-paced.wsdt2.gz",
      }),
      format: choice(["auto", ...TRACE_READ_FORMATS] as const, {
        description: "Format of the file, if it is not to be told from its content.",
      }).prefault("auto"),
      clock: choice(["time", "instructions"] as const, {
        description:
          "What replay time counts: recorded time (guests paced by timers) or instructions " +
          "(busy guests, which the recorder slows). Default: as the format has it.",
      }).optional(),
      "instruction-rate": perSecond({
        description: "Instructions a second at the guest's native speed. Default: as recorded.",
        example: "59.78M/s",
        min: 1,
        max: 1e15,
      }).optional(),
      start: duration({
        description: "Instant of the recording at which the guest's time starts.",
        example: "2s",
        min: 0,
        max: SIMULATION_NS_MAX,
      }).prefault("0s"),
      end: choice(["fail", "loop", "hold"] as const, {
        description:
          "Beyond the recording: fail = an error, loop = from its beginning, hold = write no more.",
      }).prefault("fail"),
      tile: flag({
        description:
          "Lay as many copies of the recording as fit into the guest's memory, each late by a " +
          "time of its own.",
      }).prefault(false),
      epoch: duration({
        description: "CSV: length of an epoch. Default: 1ms.",
        example: "1ms",
        min: 1,
        max: 3600 * NS_PER_SEC,
      }).optional(),
      "epoch-accesses": integer({
        description: "Lackey: accesses in an interval. Default: 100000.",
        min: 1,
        max: 2 ** 32,
      }).optional(),
      "access-rate": perSecond({
        description: "Lackey: accesses a second of replay time. Default: 100M/s.",
        example: "100M/s",
        min: 1,
        max: 1e15,
      }).optional(),
    },
    "A recording of what a real guest wrote and read.",
  );
}

function componentSchema() {
  const common = {
    "first-page": integer({
      description: "First page of the pattern.",
      min: 0,
      max: GUEST_PAGES_MAX - 1,
    }).prefault(0),
    pages: integer({
      description: "Pages of the pattern. Default: up to the end of the memory.",
      example: 20_000,
      min: 1,
      max: GUEST_PAGES_MAX,
    }).optional(),
    rate: perSecond({
      description: "Page accesses for each second that the guest executes.",
      min: 0,
      max: 1e9,
    }),
    "write-fraction": decimal({
      description: "Share of the accesses that write; the others read.",
      min: 0,
      max: 1,
    }).prefault(1),
    during: phaseField().optional(),
  };
  const pattern = <const T extends string>(name: T) => z.literal(name);
  const hot = {
    "hot-pages": integer({
      description: "Hot pages, the first of the pattern. Default: a tenth of it.",
      min: 1,
      max: GUEST_PAGES_MAX,
    }).optional(),
    "hot-fraction": decimal({
      description: "Share of the accesses that go to the hot pages.",
      min: 0,
      max: 1,
    }).prefault(0.9),
  };
  const exponent = decimal({
    description: "The page of rank k is drawn with weight k^-exponent.",
    min: 0,
    max: 16,
  }).prefault(1);
  return z
    .discriminatedUnion(
      "pattern",
      [
        mapping({ pattern: pattern("uniform"), ...common }, "Every page alike."),
        mapping({ pattern: pattern("zipf"), exponent, ...common }, "Few pages often, many seldom."),
        mapping({ pattern: pattern("hot-cold"), ...hot, ...common }, "A hot set and the others."),
        mapping({ pattern: pattern("sequential"), ...common }, "One page after the other, round."),
      ],
      {
        error: ({ code, input }) =>
          code === "invalid_union"
            ? `must be one of ${PATTERNS.join(", ")}`
            : mappingError(["pattern", "pages", "rate"])({ code, input }),
      },
    )
    .meta({ description: "One access pattern." });
}

const PATTERNS = ["uniform", "zipf", "hot-cold", "sequential"];

function migrationSchema(registry: Registry) {
  return mapping(
    {
      guest: words({ description: "Name of the guest that moves.", example: "redis" }),
      to: words({ description: "Name of the host that it moves to.", example: "xen-b" }),
      strategy: strategyField(registry).prefault("pre-copy@xen"),
      at: duration({
        description: "Earliest start.",
        example: "1s",
        min: 0,
        max: SIMULATION_NS_MAX,
      }).prefault("0s"),
      "downtime-limit": duration({
        description: "Downtime that strategies aim for; it bounds what may be held back.",
        example: "300ms",
        min: 1,
        max: 3600 * NS_PER_SEC,
      }).prefault("300ms"),
      timeout: duration({
        description: "After so long the migration is given up and the guest stays.",
        example: "10min",
        min: 1,
        max: SIMULATION_NS_MAX,
      }).prefault("10min"),
    },
    "One migration.",
  );
}

function strategyField(registry: Registry) {
  return parsed(
    {
      what: "a strategy",
      description: "strategy+predictor:params@preset; the strategies command lists what there is.",
      example: "pre-copy+wsclock:tau=200ms@xen",
    },
    (text) => registry.resolve(text).name,
  );
}

function weightField() {
  return integer({ description: "Credit scheduler's weight.", min: 1, max: CREDIT_MAX_WEIGHT });
}

/** "0s-5s of 20s": active from 0 s to 5 s of every 20 s of the guest's time. */
function phaseField() {
  return parsed(
    {
      what: "a phase",
      description: "When the pattern is active: from-to of period, in the guest's time.",
      example: "0s-5s of 20s",
    },
    (text): Phase => {
      const match = /^([^-]+)-([^-]+)\sof\s(.+)$/.exec(text);
      if (match === null) {
        throw new PrecopyError(
          "bad-input",
          `"${text}" is not a phase: write from-to of period, as in 0s-5s of 20s`,
        );
      }
      const [startNs, endNs, periodNs] = match.slice(1).map(parseDuration) as [
        number,
        number,
        number,
      ];
      if (startNs < endNs && endNs <= periodNs) return { startNs, endNs, periodNs };
      throw new PrecopyError(
        "bad-input",
        `"${text}" must begin before it ends, and end within its period`,
      );
    },
  );
}

/** A duration in the largest unit that divides it, as it is written in a file. */
function exact(ns: number): string {
  if (ns % 1e9 === 0) return `${ns / 1e9}s`;
  if (ns % 1e6 === 0) return `${ns / 1e6}ms`;
  return ns % 1e3 === 0 ? `${ns / 1e3}us` : `${ns}ns`;
}
