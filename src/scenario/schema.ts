/**
 * The form of a scenario file: hosts, links, guests and what is to be migrated, written as people
 * write it, with a default for whatever can have one. `references.ts` and `checks.ts` look at what
 * fields mean together.
 */
import { z } from "zod";
import { NS_PER_SEC } from "../base/units.js";
import type { Registry } from "../migrate/registry.js";
import { CREDIT_DEFAULT_WEIGHT } from "../model/credit-scheduler.js";
import { DEFAULT_COSTS, SIMULATION_NS_MAX } from "../model/spec.js";
import {
  bandwidth,
  decimal,
  duration,
  flag,
  integer,
  list,
  mapping,
  named,
  parsed,
  size,
  words,
} from "./fields.js";
import { shown } from "./problems.js";
import { CPUS_MAX, guestSchema, weightField } from "./schema-guest.js";
import { strategyCompletion } from "./strategy-completion.js";

/** What `compare` runs when neither the scenario nor the command names strategies. */
export const DEFAULT_COMPARE = [
  "suspend",
  "pre-copy@xen",
  "pre-copy+lru-splay",
  "pre-copy+wsclock",
  "seed",
] as const;

const HOST_MEMORY_MAX = 2 ** 50;
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
      switches: list(words({ description: "Name of a switch.", example: "tor-1" }), {
        description: "Names that links may end at besides hosts.",
        max: 1024,
      }).prefault([]),
      links: list(linkSchema(), {
        description: "Which hosts and switches are joined, and how.",
        max: 4096,
      }).prefault([]),
      guests: named(guestSchema(), { description: "Virtual machines by name.", max: 4096 }),
      migrate: list(migrationSchema(registry), {
        description: "What is migrated, in the order in which migrations wait for one another.",
        max: 4096,
      }).prefault([]),
      plan: planSchema(registry).optional(),
      "at-once": atOnceField().prefault(1),
      admission: admissionField(registry).optional(),
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
export type PlanFile = NonNullable<ScenarioFile["plan"]>;
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

function admissionField(registry: Registry) {
  return parsed(
    {
      what: "an admission rule",
      description: "Which waiting migration may start, given those that run; instead of at-once.",
      example: "lt-rt",
    },
    (text) => {
      registry.resolveAdmission(text);
      return text.trim();
    },
  );
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
  const host = words({ description: "Name of a host or a switch.", example: "xen-a" });
  return mapping(
    {
      between: z.tuple([host, host], { error: "must name two hosts, as in [xen-a, xen-b]" }).meta({
        description: "The two hosts, or switches, that it joins.",
        examples: [["xen-a", "xen-b"]],
      }),
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
      outages: list(outageSchema(), {
        description: "When it carries nothing.",
        max: 1024,
      }).prefault([]),
    },
    "A link between two hosts or switches, of Ethernet frames with TCP in them.",
  );
}

function outageSchema() {
  return mapping(
    {
      at: duration({ description: "It begins.", example: "3s", min: 0, max: SIMULATION_NS_MAX }),
      for: duration({
        description: "It lasts so long; for ever if left out.",
        example: "500ms",
        min: 1,
        max: SIMULATION_NS_MAX,
      }).optional(),
    },
    "A time in which a link is down.",
  );
}

/** How guests move, of one migration or of all of a plan's. */
function moveFields(registry: Registry) {
  return {
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
    "link-timeout": duration({
      description: "Longest outage that is sat out; after it the connection is broken.",
      example: "5s",
      min: 1,
      max: SIMULATION_NS_MAX,
    }).optional(),
  };
}

function planSchema(registry: Registry) {
  const host = words({ description: "Name of a host.", example: "xen-a" });
  return mapping(
    {
      evacuate: words({
        description: "Host that all guests leave, for the other hosts.",
        example: "xen-a",
      }).optional(),
      swap: z
        .tuple([host, host], { error: "must name two hosts, as in [xen-a, xen-b]" })
        .meta({
          description: "Two hosts that exchange all their guests.",
          examples: [["xen-a", "xen-b"]],
        })
        .optional(),
      consolidate: list(host, {
        description: "Hosts of which as few as possible are to keep guests.",
        max: 256,
      }).optional(),
      ...moveFields(registry),
    },
    "What is to become of hosts; it decides who is migrated where, in place of migrate.",
  );
}

function migrationSchema(registry: Registry) {
  return mapping(
    {
      guest: words({ description: "Name of the guest that moves.", example: "redis" }),
      to: words({ description: "Name of the host that it moves to.", example: "xen-b" }),
      ...moveFields(registry),
    },
    "One migration.",
  );
}

function strategyField(registry: Registry) {
  return parsed(
    {
      what: "a strategy",
      description: "strategy+technique:params@preset; the techniques command lists what there is.",
      example: "pre-copy+wsclock:tau=200ms@xen",
      completion: strategyCompletion(registry),
    },
    (text) => registry.resolve(text).name,
  );
}

/** A duration in the largest unit that divides it, as it is written in a file. */
function exact(ns: number): string {
  if (ns % 1e9 === 0) return `${ns / 1e9}s`;
  if (ns % 1e6 === 0) return `${ns / 1e6}ms`;
  return ns % 1e3 === 0 ? `${ns / 1e3}us` : `${ns}ns`;
}
