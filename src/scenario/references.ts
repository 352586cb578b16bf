/**
 * Names that point at other parts of a scenario: guests stand on hosts, links join hosts,
 * migrations move a guest over a link. It takes the file as it was written, so that these
 * problems are told together with those of single fields.
 */
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
  const pairs = checkLinks(listOf(root.links), hosts, findings);
  checkMigrations(root, { hosts, guests, pairs, findings });
  return findings;
}

/** The joined pairs, both ways. */
function checkLinks(
  links: readonly unknown[],
  hosts: ReadonlySet<string>,
  findings: Finding[],
): Set<string> {
  const pairs = new Set<string>();
  for (const [i, link] of links.entries()) {
    if (findings.length >= ENOUGH) break;
    const path = ["links", i, "between"];
    const between = listOf(mappingOf(link).between);
    for (const [j, host] of between.entries()) {
      findings.push(...unknownName("host", host, hosts, [...path, j]));
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
    pairs: ReadonlySet<string>;
    findings: Finding[];
  },
): void {
  const { hosts, guests, pairs, findings } = o;
  const atOnce = root["at-once"] ?? 1;
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
    if (standsOn.has(guest) && atOnce !== 1) {
      const message = `${guest} is migrated twice: one waits for the other with "at-once: 1" alone`;
      findings.push({ path: [...path, "guest"], message });
    }
    const from = standsOn.get(guest) ?? mappingOf(guests[guest]).on;
    standsOn.set(guest, to);
    if (typeof from !== "string" || !hosts.has(from)) continue;
    if (from === to) {
      findings.push({ path: [...path, "to"], message: `${guest} stands on ${to} already` });
    } else if (!pairs.has(pairOf(from, to))) {
      const message = `no link joins ${from} and ${to}: add { between: [${from}, ${to}] } to links`;
      findings.push({ path: [...path, "to"], message });
    }
  }
}

function unknownName(
  what: "host" | "guest",
  name: unknown,
  known: ReadonlySet<string>,
  path: readonly (string | number)[],
): Finding[] {
  if (typeof name !== "string" || known.has(name)) return [];
  return [{ path, message: `there is no ${what} ${shown(name)}: ${suggestion(name, [...known])}` }];
}

/** Host names hold no space, so a pair's text tells it from every other. */
function pairOf(a: string, b: string): string {
  return `${a} ${b}`;
}

function mappingOf(value: unknown): Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
