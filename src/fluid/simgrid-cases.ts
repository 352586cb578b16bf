/**
 * Files of cases that SimGrid computed: parameters, and what its plugin made of them. Read with
 * the place of every mistake; what is in the file is never trusted.
 *
 *   { "cases": [ { "name", "network_model", "crosstraffic", "params": { … },
 *                  "result": { "crashed", "vms": { "VM0": { … }, … } } }, … ] }
 */
import { PrecopyError } from "../base/errors.js";
import type { SimgridNetworkModel, SimgridWorld } from "./simgrid.js";
import type { SimgridGuest } from "./simgrid-guest.js";

/** What SimGrid says of one guest. */
export interface SimgridExpected {
  readonly guest: string;
  readonly precopyRounds: number;
  readonly totalSec: number;
  readonly downtimeSec: number;
  readonly stopCopyBytes: number;
  readonly sentBytes: number;
}

/** What sets a case's bound: the first that applies, in the order of the checks. */
export type SimgridCaseClass =
  | "single"
  | "latency"
  | "LV08"
  | "sharing"
  | "independent"
  | "cross traffic";

export interface SimgridCase {
  readonly name: string;
  readonly kind: SimgridCaseClass;
  /** One link with its guests for every pair of hosts. */
  readonly worlds: readonly SimgridWorld[];
  /** In the order of the guests: guest i is on pair i mod pairs. */
  readonly expected: readonly SimgridExpected[];
  /** SimGrid itself came to no result: there is nothing to compare, and `expected` is empty. */
  readonly crashed: boolean;
}

export const SIMGRID_CASES_MAX = 10_000;
const GUESTS_MAX = 10_000;
const QUANTITY_MAX = 1e18;

type Fields = Readonly<Record<string, unknown>>;

/** @throws PrecopyError that names the place, as in `cases[3].params.bw`. */
export function parseSimgridCases(text: string, file: string): SimgridCase[] {
  const reader = new Reader(file);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw reader.problem("", `is not JSON: ${(error as Error).message}`);
  }
  const cases = reader.object(data, "").cases;
  if (!Array.isArray(cases)) throw reader.problem("cases", "is not a list: give a list of cases");
  if (cases.length === 0 || cases.length > SIMGRID_CASES_MAX) {
    const limit = `give 1 to ${SIMGRID_CASES_MAX}`;
    throw reader.problem("cases", `has ${cases.length} entries: ${limit}`);
  }
  return cases.map((entry, i) => parseCase(reader, entry, `cases[${i}]`));
}

function parseCase(reader: Reader, entry: unknown, at: string): SimgridCase {
  const fields = reader.object(entry, at);
  const name = reader.text(fields.name, `${at}.name`);
  const model = fields.network_model;
  if (model !== "CM02" && model !== "LV08") {
    throw reader.problem(`${at}.network_model`, `is ${show(model)}: give "CM02" or "LV08"`);
  }
  const crossTraffic = reader.flag(fields.crosstraffic, `${at}.crosstraffic`);
  const params = reader.object(fields.params, `${at}.params`);
  const worlds = parseWorlds(reader, params, { at: `${at}.params`, model, crossTraffic });
  const guests = worlds.reduce((sum, world) => sum + world.guests.length, 0);
  const result = reader.object(fields.result, `${at}.result`);
  const crashed = reader.flag(result.crashed ?? false, `${at}.result.crashed`);
  const kind = classOf(worlds);
  if (crashed) return { name, kind, worlds, expected: [], crashed };
  const vms = reader.object(result.vms, `${at}.result.vms`);
  const named = Object.keys(vms).length;
  if (named !== guests) {
    throw reader.problem(`${at}.result.vms`, `names ${named} guests, params.n says ${guests}`);
  }
  const expected: SimgridExpected[] = [];
  for (let i = 0; i < guests; i++) {
    const place = `${at}.result.vms.VM${i}`;
    expected.push(parseExpected(reader, vms[`VM${i}`], `VM${i}`, place));
  }
  return { name, kind, worlds, expected, crashed };
}

function parseWorlds(
  reader: Reader,
  params: Fields,
  { at, model, crossTraffic }: { at: string; model: SimgridNetworkModel; crossTraffic: boolean },
): SimgridWorld[] {
  const number = (name: string, limits: Limits) =>
    reader.number(params[name], `${at}.${name}`, limits);
  const optional = (name: string, absent: number, limits: Limits) =>
    params[name] === undefined ? absent : number(name, limits);
  const n = optional("n", 1, { from: 1, to: GUESTS_MAX, whole: true });
  const pairs = optional("pairs", n, { from: 1, to: n, whole: true });
  const link = {
    bandwidthBytesPerSec: number("bw", { above: 0 }),
    latencySec: optional("lat", 0, { from: 0 }),
    model,
    crossTraffic,
  };
  const guest: Omit<SimgridGuest, "startSec"> = {
    ramBytes: number("ram", { from: 1 }),
    capBytes: number("cap", { from: 0 }),
    migrationBytesPerSec: number("mig_speed", { from: 0 }),
    dirtyIntensity: number("intensity", { from: 0 }),
    hostFlopsPerSec: number("speed", { above: 0 }),
    load: optional("load", 1, { from: 0, to: 1 }),
    workFlops: number("flops", { from: 0 }),
  };
  const staggerSec = optional("stagger", 0, { from: 0 });
  const perHost = Math.ceil(n / pairs);
  const cores = optional("cores", perHost, { from: 1, whole: true });
  if (cores < perHost) {
    const words = `is ${cores} for ${perHost} guests a host: a guest needs a core of its own here`;
    throw reader.problem(`${at}.cores`, words);
  }
  const worlds = Array.from({ length: pairs }, () => ({ link, guests: [] as SimgridGuest[] }));
  for (let i = 0; i < n; i++)
    worlds[i % pairs]?.guests.push({ ...guest, startSec: i * staggerSec });
  return worlds;
}

function parseExpected(reader: Reader, value: unknown, guest: string, at: string): SimgridExpected {
  const fields = reader.object(value, at);
  const number = (name: string, whole: boolean) =>
    reader.number(fields[name], `${at}.${name}`, { from: 0, whole });
  return {
    guest,
    precopyRounds: number("precopy_rounds", true),
    totalSec: number("total_s", false),
    downtimeSec: number("downtime_s", false),
    stopCopyBytes: number("stop_copy_bytes", false),
    sentBytes: number("sent_bytes", false),
  };
}

function classOf(worlds: readonly SimgridWorld[]): SimgridCaseClass {
  const { link, guests } = worlds[0] as SimgridWorld;
  if (guests.length > 1) return "sharing";
  if (link.crossTraffic) return "cross traffic";
  if (link.model === "LV08") return "LV08";
  if (link.latencySec > 0) return "latency";
  return worlds.length > 1 ? "independent" : "single";
}

interface Limits {
  readonly from?: number;
  readonly above?: number;
  readonly to?: number;
  readonly whole?: boolean;
}

/** Takes values out of what was parsed, or says where they are wrong. */
class Reader {
  constructor(private readonly file: string) {}

  problem(at: string, words: string): PrecopyError {
    return new PrecopyError("bad-input", `${at}${at === "" ? "" : " "}${words}`, {
      file: this.file,
    });
  }

  object(value: unknown, at: string): Fields {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Fields;
    }
    const what = at === "" ? "the file" : at;
    throw this.problem(what, `is ${show(value)}: give an object`);
  }

  text(value: unknown, at: string): string {
    if (typeof value === "string" && value !== "" && value.length <= 200) return value;
    throw this.problem(at, `is ${show(value)}: give a text of 1 to 200 characters`);
  }

  flag(value: unknown, at: string): boolean {
    if (typeof value === "boolean") return value;
    throw this.problem(at, `is ${show(value)}: give true or false`);
  }

  number(value: unknown, at: string, limits: Limits): number {
    const { from = 0, above, to = QUANTITY_MAX, whole = false } = limits;
    const low = (x: number) => (above === undefined ? x >= from : x > above);
    if (typeof value === "number" && low(value) && value <= to) {
      if (!whole || Number.isInteger(value)) return value;
    }
    const kind = whole ? "whole number" : "number";
    const least = above === undefined ? `from ${from}` : `above ${above}`;
    throw this.problem(at, `is ${show(value)}: give a ${kind} ${least} to ${to}`);
  }
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}
