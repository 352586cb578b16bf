/** Simulations of several small guests on several hosts, for admission and plans. */
import type { MigrationSpec, SimulationSpec } from "../../src/model/spec.js";
import { host, hotCold, small } from "./specs.js";

export interface FleetOptions {
  /** Pages of memory for guests, by host. */
  readonly hosts: Readonly<Record<string, number>>;
  /** By guest: its host and its pages. */
  readonly guests: Readonly<Record<string, readonly [host: string, pages: number]>>;
  /** Without: every two hosts have a link of their own. */
  readonly links?: readonly (readonly [string, string])[];
  readonly switches?: readonly string[];
  /** "guest>host", in this order. */
  readonly moves?: readonly string[];
  readonly strategy?: string;
  readonly admission?: string;
  readonly atOnce?: number;
  readonly seed?: number;
}

const DOM0_PAGES = 1 << 16;

export function fleet(options: FleetOptions): SimulationSpec {
  const [domain] = small().domains;
  const [link] = small().links;
  const names = Object.keys(options.hosts);
  const pairs =
    options.links ?? names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const));
  return {
    seed: options.seed ?? 1,
    hosts: names.map((name) => ({
      ...host(name),
      memoryPages: DOM0_PAGES + (options.hosts[name] as number),
    })),
    ...(options.switches !== undefined && { switches: options.switches }),
    links: pairs.map(([a, b]) => ({ ...link!, name: `${a}-${b}`, between: [a, b] })),
    domains: Object.entries(options.guests).map(([name, [on, pages]]) => ({
      ...domain!,
      name,
      host: on,
      pages,
      activity: hotCold(pages, 1000),
    })),
    migrations: (options.moves ?? []).map((text) => moveOf(text, options.strategy)),
    atOnce: options.atOnce ?? 1,
    ...(options.admission !== undefined && { admission: options.admission }),
  };
}

/** "guest>host" */
export function moveOf(text: string, strategy = "pre-copy"): MigrationSpec {
  const [domain = "", to = ""] = text.split(">");
  const [one] = small({ strategy }).migrations;
  return { ...one!, domain, to };
}
