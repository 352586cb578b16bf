/**
 * A random experiment is written down twice: as the text of a scenario, with units and with some
 * defaults left out, and as the specification that it means. Loading the one gives the other.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { DEFAULT_COSTS, type SimulationSpec } from "../../src/model/spec.js";
import { load } from "./support.js";

type HostParts = Omit<SimulationSpec["hosts"][number], "name">;

/** A part of the file, and what it means. */
interface Part<T> {
  readonly file: Record<string, unknown>;
  readonly spec: T;
}

const MS = 1_000_000;

/** Leaves a field out (then it means `standard`) or writes it as `write` does. */
function field<T>(
  name: string,
  values: fc.Arbitrary<T>,
  standard: T,
  write: (value: T) => unknown = (value) => value,
): fc.Arbitrary<Part<T>> {
  return fc.oneof(
    fc.constant({ file: {}, spec: standard }),
    values.map((spec) => ({ file: { [name]: write(spec) }, spec })),
  );
}

const milliseconds = (ns: number) => `${ns / MS}ms`;
const mebibytes = (pages: number) => `${pages / 256}MiB`;

const host = fc
  .record({
    cpus: field("cpus", fc.integer({ min: 1, max: 64 }), 4),
    memory: field("memory", fc.integer({ min: 16, max: 64 }), 64, (gib) => `${gib}GiB`),
    pml: field("pml", fc.boolean(), false),
    dom0Cpus: field("cpus", fc.integer({ min: 0, max: 10 }), 0.5, (tenths) => tenths / 10),
    suspend: field("suspend", fc.integer({ min: 0, max: 900 }), 5, (ms) => `${ms}ms`),
    fault: field("write-fault", fc.integer({ min: 0, max: 9000 }), 2000, (ns) => `${ns}ns`),
  })
  .map(({ cpus, memory, pml, dom0Cpus, suspend, fault }) => {
    const written = Object.keys(dom0Cpus.file).length > 0;
    return {
      file: {
        ...cpus.file,
        ...memory.file,
        ...pml.file,
        ...(written && { dom0: dom0Cpus.file }),
        costs: { ...suspend.file, ...fault.file },
      },
      spec: {
        physicalCpus: cpus.spec,
        memoryPages: memory.spec * 262_144,
        pml: pml.spec,
        dom0: {
          memoryPages: 262_144,
          vcpus: 1,
          weight: 256,
          demandCpus: written ? dom0Cpus.spec / 10 : 0.05,
        },
        costs: { ...DEFAULT_COSTS, suspendNs: suspend.spec * MS, writeFaultNs: fault.spec },
      },
    };
  });

const pattern = fc.oneof(
  fc.constant({ file: { pattern: "uniform" }, spec: { kind: "uniform" as const } }),
  fc.constant({ file: { pattern: "sequential" }, spec: { kind: "sequential" as const } }),
  field("exponent", fc.integer({ min: 0, max: 30 }), 10, (tenths) => tenths / 10).map((part) => ({
    file: { pattern: "zipf", ...part.file },
    spec: { kind: "zipf" as const, exponent: part.spec / 10 },
  })),
  fc.integer({ min: 1, max: 100 }).map((hotPages) => ({
    file: { pattern: "hot-cold", "hot-pages": hotPages, "hot-fraction": 0.75 },
    spec: { kind: "hot-cold" as const, hotPages, hotFraction: 0.75 },
  })),
);

const component = fc
  .record({
    pattern,
    first: field("first-page", fc.nat({ max: 1000 }), 0),
    pages: fc.integer({ min: 100, max: 1000 }),
    rate: fc.nat({ max: 100_000 }),
    writes: field("write-fraction", fc.constantFrom(0, 0.25, 1), 1),
    during: fc.option(fc.tuple(fc.nat({ max: 9 }), fc.integer({ min: 1, max: 9 })), {
      nil: undefined,
    }),
  })
  .map(({ pattern, first, pages, rate, writes, during }) => {
    const [start, length] = during ?? [0, 0];
    const end = start + length;
    return {
      file: {
        ...pattern.file,
        ...first.file,
        ...writes.file,
        pages,
        rate: rate % 1000 === 0 ? `${rate / 1000}k/s` : `${rate}/s`,
        ...(during && { during: `${start}s-${end}s of 20s` }),
      },
      spec: {
        pattern: { ...pattern.spec, firstPage: first.spec, pages, writeFraction: writes.spec },
        accessesPerSec: rate,
        ...(during && {
          phase: { startNs: start * 1000 * MS, endNs: end * 1000 * MS, periodNs: 20_000 * MS },
        }),
      },
    };
  });

const guest = fc
  .record({
    memory: fc.integer({ min: 2048, max: 65_536 }),
    vcpus: field("vcpus", fc.integer({ min: 1, max: 8 }), 1),
    weight: field("weight", fc.integer({ min: 1, max: 65_535 }), 256),
    cap: field("cap", fc.integer({ min: 0, max: 100 }), 0),
    cpus: fc.option(fc.constantFrom(0, 0.3, 1), { nil: undefined }),
    state: field("device-state", fc.nat({ max: 1000 }), 64, (kib) => `${kib}KiB`),
    dirties: field("suspend-dirties", fc.nat({ max: 500 }), 190),
    elasticity: field("write-elasticity", fc.constantFrom(0, 0.5, 1), 1),
    workload: fc.array(component, { maxLength: 3 }),
  })
  .map(({ memory, vcpus, weight, cap, cpus, state, dirties, elasticity, workload }) => ({
    file: {
      memory: mebibytes(memory),
      ...vcpus.file,
      ...weight.file,
      ...cap.file,
      ...(cpus !== undefined && { cpus }),
      ...state.file,
      ...dirties.file,
      ...elasticity.file,
      ...(workload.length > 0 && { workload: workload.map((part) => part.file) }),
    },
    spec: {
      pages: memory,
      vcpus: vcpus.spec,
      weight: weight.spec,
      cap: cap.spec,
      demandCpus: cpus ?? (workload.length > 0 ? 1 : 0.01),
      activity:
        workload.length > 0
          ? { kind: "synthetic" as const, components: workload.map((part) => part.spec) }
          : { kind: "idle" as const },
      deviceStateBytes: state.spec * 1024,
      suspendDirtiesPages: dirties.spec,
      ...(elasticity.spec !== 1 && { writeElasticity: elasticity.spec }),
    },
  }));

const strategies = ["suspend", "pre-copy@xen2005", "pre-copy+wsclock:tau=200ms@xen", "seed"];

const migration = fc
  .record({
    strategy: field("strategy", fc.constantFrom(...strategies), "pre-copy@xen"),
    at: field("at", fc.integer({ min: 0, max: 9000 }), 0, (ms) => `${ms}ms`),
    limit: field("downtime-limit", fc.integer({ min: 1, max: 9000 }), 300, (ms) =>
      milliseconds(ms * MS),
    ),
    timeout: field("timeout", fc.integer({ min: 1, max: 90 }), 10, (min) => `${min}min`),
  })
  .map(({ strategy, at, limit, timeout }) => ({
    file: { ...strategy.file, ...at.file, ...limit.file, ...timeout.file },
    spec: {
      strategy: strategy.spec,
      startNs: at.spec * MS,
      downtimeLimitNs: limit.spec * MS,
      timeoutNs: timeout.spec * 60_000 * MS,
    },
  }));

const experiment = fc
  .record({
    seed: field("seed", fc.integer({ min: 0, max: 2 ** 32 - 1 }), 1),
    hosts: fc.array(host, { minLength: 2, maxLength: 2 }),
    bandwidth: field("bandwidth", fc.integer({ min: 1, max: 10_000 }), 1000, (m) => `${m}Mbit/s`),
    latency: field("latency", fc.nat({ max: 5000 }), 100, (us) => `${us}us`),
    guests: fc.array(fc.tuple(guest, migration), { minLength: 1, maxLength: 4 }),
    atOnce: field<number | "all">("at-once", fc.constantFrom(1, 3, "all" as const), 1),
  })
  .map((parts): Part<SimulationSpec> => {
    const [a, b] = parts.hosts as unknown as [Part<HostParts>, Part<HostParts>];
    return {
      file: {
        ...parts.seed.file,
        ...parts.atOnce.file,
        hosts: { "xen-a": a.file, "xen-b": b.file },
        links: [{ between: ["xen-a", "xen-b"], ...parts.bandwidth.file, ...parts.latency.file }],
        guests: Object.fromEntries(
          parts.guests.map(([{ file }], i) => [`guest-${i}`, { on: "xen-a", ...file }]),
        ),
        migrate: parts.guests.map(([, { file }], i) => ({
          guest: `guest-${i}`,
          to: "xen-b",
          ...file,
        })),
      },
      spec: {
        seed: parts.seed.spec,
        hosts: [
          { name: "xen-a", ...a.spec },
          { name: "xen-b", ...b.spec },
        ],
        links: [
          {
            name: "xen-a - xen-b",
            between: ["xen-a", "xen-b"],
            bandwidthBytesPerSec: parts.bandwidth.spec * 125_000,
            latencyNs: parts.latency.spec * 1000,
            frame: { payloadBytes: 1448, overheadBytes: 90 },
          },
        ],
        domains: parts.guests.map(([{ spec }], i) => ({
          name: `guest-${i}`,
          host: "xen-a",
          ...spec,
        })),
        migrations: parts.guests.map(([, { spec }], i) => ({
          domain: `guest-${i}`,
          to: "xen-b",
          ...spec,
        })),
        atOnce: parts.atOnce.spec === "all" ? parts.guests.length : parts.atOnce.spec,
      },
    };
  });

describe("a random scenario", () => {
  it("means the same as YAML, as JSON, and in numbers", async () => {
    await fc.assert(
      fc.asyncProperty(experiment, async ({ file, spec }) => {
        expect((await load(stringify(file))).spec).toEqual(spec);
        expect((await load(JSON.stringify(file))).spec).toEqual(spec);
      }),
      { numRuns: 100 },
    );
  });
});
