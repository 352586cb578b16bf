/**
 * A drain file: guests that leave a host over one link, as YAML or JSON. What all of them share stands
 * once, and a guest may have its own.
 */
import type { z } from "zod";
import { AT_ONCE_DEFAULT, DRAIN_GUESTS_MAX, type DrainGuest } from "../forecast/advise/index.js";
import { DEFAULT_FORECAST_STRATEGY, forecastSettings } from "../forecast/index.js";
import { parseRatePoints } from "../forecast/rates/index.js";
import { ScenarioDocument } from "./document.js";
import {
  bandwidth,
  decimal,
  duration,
  integer,
  list,
  mapping,
  parsed,
  size,
  words,
} from "./fields.js";
import { clean, type FieldPath, type Finding, ScenarioError } from "./problems.js";

export interface DrainFile {
  readonly linkBytesPerSec: number;
  /** At a time, at most. */
  readonly atOnceMax: number;
  readonly guests: readonly DrainGuest[];
}

const PAGE_BYTES = 4096;
const MEMORY_MIN = 2 ** 20;
const MEMORY_MAX = 2 ** 46;

/** @throws ScenarioError with all problems at their places. */
export function loadDrain(text: string, file: string): DrainFile {
  const place = { file: file === "" ? "drain file" : clean(file), text };
  const document = new ScenarioDocument(text);
  if (document.problems.length > 0) throw new ScenarioError(document.problems, place);
  const fields = drainSchema().safeParse(document.value);
  const findings = (fields.error?.issues ?? []).flatMap(findingsOf);
  const twice = fields.success ? namesTwice(fields.data) : [];
  const all = [...findings, ...twice];
  if (all.length > 0 || !fields.success) {
    throw new ScenarioError(document.locate(all), { ...place, total: all.length });
  }
  return drainOf(fields.data);
}

function drainSchema() {
  return mapping(
    {
      link: bandwidth({
        description: "What the link carries of the streams, all together.",
        example: "10Gbit/s",
        min: 1000,
        max: 1e15,
      }),
      strategy: strategyField().prefault(DEFAULT_FORECAST_STRATEGY),
      "downtime-limit": limitField().optional(),
      "at-once": integer({
        description: "Guests that may move at a time, at most.",
        example: AT_ONCE_DEFAULT,
        min: 1,
        max: 32,
      }).prefault(AT_ONCE_DEFAULT),
      guests: list(guestSchema(), {
        description: "Guests that leave the host.",
        max: DRAIN_GUESTS_MAX,
      }),
    },
    "Guests that leave a host over one link.",
  );
}

type DrainFields = z.output<ReturnType<typeof drainSchema>>;

function guestSchema() {
  return mapping(
    {
      name: words({ description: "Its name.", example: "web1" }),
      memory: size({
        description: "Its memory.",
        example: "8GiB",
        min: MEMORY_MIN,
        max: MEMORY_MAX,
      }),
      zero: decimal({
        description: "Share of its pages that hold zeros.",
        example: 0.3,
        min: 0,
        max: 1,
      }).prefault(0),
      rates: parsed(
        {
          what: "dirty rates",
          description: "Distinct pages written in windows, as rates or pages.",
          example: "1s=120MiB/s,5s=20000pages",
        },
        parseRatePoints,
      ),
      strategy: strategyField().optional(),
      "downtime-limit": limitField().optional(),
    },
    "A guest that leaves the host.",
  );
}

function strategyField() {
  return parsed(
    {
      what: "a strategy",
      description: "How it moves: strategy+technique@preset.",
      example: "pre-copy+kubevirt@qemu102",
    },
    (text) => forecastSettings(text).name,
  );
}

function limitField() {
  return duration({
    description: "The downtime limit asked for.",
    example: "300ms",
    min: 1e6,
    max: 2e12,
  });
}

function drainOf(fields: DrainFields): DrainFile {
  const guests = fields.guests.map((one): DrainGuest => {
    const limitNs = one["downtime-limit"] ?? fields["downtime-limit"];
    return {
      name: one.name,
      input: {
        guest: { kind: "rates", pages: Math.ceil(one.memory / PAGE_BYTES), dirtied: one.rates },
        content: { zeroShare: one.zero },
        strategy: one.strategy ?? fields.strategy,
        ...(limitNs !== undefined && { downtimeLimitMs: limitNs / 1e6 }),
      },
    };
  });
  return { linkBytesPerSec: fields.link, atOnceMax: fields["at-once"], guests };
}

function namesTwice({ guests }: DrainFields): Finding[] {
  const seen = new Set<string>();
  return guests.flatMap(({ name }, i) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path: ["guests", i, "name"], message: `"${name}" is the name of a guest above` }];
  });
}

function findingsOf(issue: z.core.$ZodIssue): Finding[] {
  const path = issue.path as FieldPath;
  if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
  const messages = issue.message.split("\n");
  return issue.keys.slice(0, messages.length).map((key, i) => ({
    path: [...path, key],
    at: "key",
    message: messages[i] ?? "is no key here",
  }));
}
