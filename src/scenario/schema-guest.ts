/**
 * The form of a guest in a scenario file: its memory and CPUs, and what it does to its memory, a
 * recording or access patterns that run side by side.
 */
import { z } from "zod";
import { PrecopyError } from "../base/errors.js";
import { NS_PER_SEC, PAGE_SIZE_BYTES, parseDuration } from "../base/units.js";
import { CONTENT_PROFILES } from "../guest/content-profiles.js";
import type { Phase } from "../guest/synthetic.js";
import { TRACE_READ_FORMATS } from "../guest/trace-read.js";
import { CREDIT_DEFAULT_WEIGHT, CREDIT_MAX_WEIGHT } from "../model/credit-scheduler.js";
import {
  DISK_BLOCK_BYTES,
  DISK_BLOCKS_MAX,
  GUEST_PAGES_MAX,
  SIMULATION_NS_MAX,
} from "../model/spec.js";
import {
  choice,
  decimal,
  duration,
  flag,
  integer,
  list,
  mapping,
  mappingError,
  parsed,
  perSecond,
  size,
  words,
} from "./fields.js";

const CONTENT_NAMES = CONTENT_PROFILES.map(({ name }) => name);

export const CPUS_MAX = 4096;
const GUEST_MEMORY_MAX = GUEST_PAGES_MAX * PAGE_SIZE_BYTES;

/** A virtual machine. */
export function guestSchema() {
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
      disk: diskSchema().optional(),
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
      content: choice(CONTENT_NAMES, {
        description:
          "What its pages hold, for codecs: a measured guest's, or nothing that compresses.",
      }).prefault("incompressible"),
      free: decimal({
        description: "Share of the memory that is free. Default: the zero pages of its content.",
        min: 0,
        max: 1,
      }).optional(),
      "page-cache": decimal({
        description: "Share of the memory that is clean page cache.",
        min: 0,
        max: 1,
      }).prefault(0),
      "write-elasticity": decimal({
        description: "With a share s of the CPU it wants, it touches memory at s to this power.",
        min: 0,
        max: 1,
      }).prefault(1),
    },
    "A virtual machine. Without a trace or a workload it writes nothing.",
  );
}

function diskSchema() {
  return mapping(
    {
      size: size({
        description: "Size, rounded up to blocks of 64 KiB.",
        example: "20GiB",
        min: DISK_BLOCK_BYTES,
        max: DISK_BLOCKS_MAX * DISK_BLOCK_BYTES,
      }),
      writes: list(componentSchema(), {
        description: "Patterns of what it writes; their pages are blocks of 64 KiB.",
        max: 16,
      }).optional(),
    },
    "A disk that no other host reaches: it moves along with the technique storage.",
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

export function weightField() {
  return integer({ description: "Credit scheduler's weight.", min: 1, max: CREDIT_MAX_WEIGHT });
}
