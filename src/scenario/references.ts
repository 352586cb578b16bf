/**
 * Names that point at other parts of a scenario: guests stand on hosts, links join hosts,
 * migrations move a guest over a link. It takes the file as it was written, so that these
 * problems are told together with those of single fields.
 */
import { Routes } from "../model/route.js";
import { type Finding, shown, suggestion } from "./problems.js";

type Mapping = Readonly<Record<string, unknown>>;

/** After so many problems the others are not looked for. */
const ENOUGH = 100;

/** What in the file names something that is not there. */
export function checkReferences(file: unknown): Finding[] {
  const root = mappingOf(file);
  const findings: Finding[] = [];
  const hosts = new Set(Object.keys(mappingOf(root.hosts)));
  const guests = mappingOf(root.guests);
  for (const [name, guest] of Object.entries(guests)) {
    if (findings.length >= ENOUGH) break;
    const path = ["guests", name];
    if (name.toLowerCase() === "domain-0") {
      const message = "is the name of the host's own domain: give the guest another";
      findings.push({ path, at: "key", message });
    }
    const on = mappingOf(guest).on;
    findings.push(...unknownName("host", on, hosts, [...path, "on"]));
  }
  const switches = checkSwitches(listOf(root.switches), hosts, findings);
  const pairs = checkLinks(listOf(root.links), { hosts, switches, findings });
  if (root.admission !== undefined && root["at-once"] !== undefined) {
    const message = "decides instead of at-once: leave one of the two out";
    findings.push({ path: ["admission"], at: "key", message });
  }
  checkPlanned(mappingOf(root.plan), hosts, findings);
  checkMigrations(root, { hosts, guests, routes: routesOf(pairs, switches), findings });
  return findings;
}

/** Switches by name, each once and apart from the hosts. */
function checkSwitches(
  names: readonly unknown[],
  hosts: ReadonlySet<string>,
  findings: Finding[],
): Set<string> {
  const switches = new Set<string>();
  for (const [i, name] of names.entries()) {
    if (findings.length >= ENOUGH) break;
    if (typeof name !== "string") continue;
    const what = hosts.has(name) ? "a host" : "another switch";
    if (hosts.has(name) || switches.has(name)) {
      const message = `${shown(name)} is the name of ${what}: give the switch a name of its own`;
      findings.push({ path: ["switches", i], message });
    }
    switches.add(name);
  }
  return switches;
}

/** Hosts that a plan names, each once. */
function checkPlanned(plan: Mapping, hosts: ReadonlySet<string>, findings: Finding[]): void {
  const { evacuate } = plan;
  findings.push(...unknownName("host", evacuate, hosts, ["plan", "evacuate"]));
  for (const kind of ["swap", "consolidate"]) {
    const seen = new Set<unknown>();
    for (const [i, name] of listOf(plan[kind]).entries()) {
      if (findings.length >= ENOUGH) return;
      const path = ["plan", kind, i];
      findings.push(...unknownName("host", name, hosts, path));
      if (seen.has(name)) findings.push({ path, message: `${shown(name)} is named twice` });
      seen.add(name);
    }
  }
}

/** The joined pairs, both ways. */
function checkLinks(
  links: readonly unknown[],
  o: { hosts: ReadonlySet<string>; switches: ReadonlySet<string>; findings: Finding[] },
): Set<string> {
  const { switches, findings } = o;
  const ends = new Set([...o.hosts, ...switches]);
  const what = switches.size === 0 ? "host" : "host or switch";
  const pairs = new Set<string>();
  for (const [i, link] of links.entries()) {
    if (findings.length >= ENOUGH) break;
    const path = ["links", i, "between"];
    const between = listOf(mappingOf(link).between);
    for (const [j, host] of between.entries()) {
      findings.push(...unknownName(what, host, ends, [...path, j]));
    }
    const [a, b] = between;
    if (between.length !== 2 || typeof a !== "string" || typeof b !== "string") continue;
    if (a === b) {
      findings.push({ path, message: `joins ${shown(a)} with itself: name two hosts` });
    } else if (pairs.has(pairOf(a, b))) {
      const message = `${a} and ${b} are joined already: give one link the whole bandwidth`;
      findings.push({ path, message });
    }
    pairs.add(pairOf(a, b)).add(pairOf(b, a));
  }
  return pairs;
}

function checkMigrations(
  root: Mapping,
  o: {
    hosts: ReadonlySet<string>;
    guests: Mapping;
    routes: Routes;
    findings: Finding[];
  },
): void {
  const { hosts, guests, routes, findings } = o;
  const guestNames = new Set(Object.keys(guests));
  /** Where each guest stands when its next migration begins. */
  const standsOn = new Map<string, unknown>();
  for (const [i, entry] of listOf(root.migrate).entries()) {
    if (findings.length >= ENOUGH) break;
    const path = ["migrate", i];
    const { guest, to } = mappingOf(entry);
    const unknown = [
      ...unknownName("guest", guest, guestNames, [...path, "guest"]),
      ...unknownName("host", to, hosts, [...path, "to"]),
    ];
    findings.push(...unknown);
    if (unknown.length > 0 || typeof guest !== "string" || typeof to !== "string") continue;
    const from = standsOn.get(guest) ?? mappingOf(guests[guest]).on;
    standsOn.set(guest, to);
    if (typeof from !== "string" || !hosts.has(from)) continue;
    if (from === to) {
      findings.push({ path: [...path, "to"], message: `${guest} stands on ${to} already` });
    } else if (routes.find(from, to) === undefined) {
      const message = `no link joins ${from} and ${to}: add { between: [${from}, ${to}] } to links`;
      findings.push({ path: [...path, "to"], message });
    }
  }
}

/** Ways over links of which nothing but their ends is known. */
function routesOf(pairs: ReadonlySet<string>, switches: ReadonlySet<string>): Routes {
  const links = [...pairs].map((name) => {
    const between = JSON.parse(name) as [string, string];
    return { name, between, bandwidthBytesPerSec: 0, latencyNs: 0 };
  });
  return new Routes({ links, switches: [...switches] });
}

function unknownName(
  what: string,
  name: unknown,
  known: ReadonlySet<string>,
  path: readonly (string | number)[],
): Finding[] {
  if (typeof name !== "string" || known.has(name)) return [];
  return [{ path, message: `there is no ${what} ${shown(name)}: ${suggestion(name, [...known])}` }];
}

function pairOf(a: string, b: string): string {
  return JSON.stringify([a, b]);
}

function mappingOf(value: unknown): Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
