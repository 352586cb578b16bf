/**
 * Fields of a scenario set from outside, before anything is checked: what a sweep over parameters
 * runs is the file as it would be with these values written into it.
 */
import { PrecopyError } from "../base/errors.js";
import { type FieldPath, shown, suggestion } from "./problems.js";

/** A field that gets another value; mappings on the way to it are made where they are missing. */
export interface FieldChange {
  readonly path: FieldPath;
  /** As in the file: a quantity as text with its unit, a number, true or false. */
  readonly value: string | number | boolean;
}

const NAME_MAX = 200;
/** First words of the names that {@link fieldPaths} takes. */
export const FIELD_ROOTS = [
  ...["guest", "guests", "host", "hosts", "link", "links", "migrate"],
  ...["seed", "at-once"],
] as const;

/**
 * The fields that a short name means, in the file as it was written:
 *
 *     guest.memory           of the guest that moves; guests.NAME.memory of another
 *     host.costs.suspend     of every host; hosts.NAME.pml of one
 *     link.bandwidth         of every link; links.0.bandwidth of the first
 *     migrate.downtime-limit of every migration; migrate.0.at of the first
 *     seed, at-once          of the scenario
 *
 * Undefined where the first word is none of these. Whether the field exists is seen when the
 * changed scenario is loaded.
 */
export function fieldPaths(name: string, file: unknown): FieldPath[] | undefined {
  const [root = "", ...rest] = name.slice(0, NAME_MAX).split(".");
  if (!(FIELD_ROOTS as readonly string[]).includes(root)) return undefined;
  if (root === "seed" || root === "at-once") {
    if (rest.length > 0) throw badName(name, `${root} has no fields of its own`);
    return [[root]];
  }
  if (rest.length === 0 || rest.some((word) => word === "")) {
    throw badName(name, `name a field, as in ${root === "link" ? "link.bandwidth" : `${root}.…`}`);
  }
  const fields = mappingOf(file);
  switch (root) {
    case "guest":
      return [["guests", movingGuest(name, fields), ...rest.map(segment)]];
    case "guests":
    case "hosts":
      return [namedPath(name, root, rest, Object.keys(mappingOf(fields[root])))];
    case "host":
      return Object.keys(mappingOf(fields.hosts)).map((host) => [
        "hosts",
        host,
        ...rest.map(segment),
      ]);
    default:
      return listPaths(root === "link" ? "links" : root, rest, fields);
  }
}

/** Writes the changes into the plain value of a file, which is altered, and returns it. */
export function applyChanges(file: unknown, changes: readonly FieldChange[]): unknown {
  const root = file ?? {};
  for (const { path, value } of changes) setField(root, path, value);
  return root;
}

function setField(root: unknown, path: FieldPath, value: FieldChange["value"]): void {
  let at: unknown = root;
  for (const [i, key] of path.entries()) {
    const last = i === path.length - 1;
    if (Array.isArray(at)) {
      if (typeof key !== "number" || key >= at.length) throw notThere(path, i, at.length);
      if (last) at[key] = value;
      else at = at[key];
      continue;
    }
    if (typeof at !== "object" || at === null || key === "__proto__") {
      throw badName(path.join("."), `${path.slice(0, i).join(".")} is ${shown(at)}`);
    }
    const mapping = at as Record<string, unknown>;
    const own = Object.hasOwn(mapping, key) ? mapping[key] : undefined;
    if (last) mapping[key] = value;
    else at = mapping[key] = own ?? {};
  }
}

/** The guest that is migrated, if it is one alone. */
function movingGuest(name: string, { migrate }: Readonly<Record<string, unknown>>): string {
  const guests = new Set(
    (Array.isArray(migrate) ? migrate : [])
      .map((entry) => mappingOf(entry).guest)
      .filter((guest) => typeof guest === "string"),
  );
  const [first] = guests;
  if (first !== undefined && guests.size === 1) return first;
  const rest = name.slice(name.indexOf("."));
  const several = `${guests.size} guests move (${[...guests].slice(0, 8).join(", ")})`;
  throw badName(
    name,
    `${guests.size === 0 ? "no guest moves" : several}: name one, as in guests.${first ?? "NAME"}${rest}`,
  );
}

/** Names of hosts and guests may hold dots: the longest one that fits is meant. */
function namedPath(
  name: string,
  root: string,
  rest: readonly string[],
  known: readonly string[],
): FieldPath {
  const text = rest.join(".");
  const fitting = known
    .filter((candidate) => text.startsWith(`${candidate}.`))
    .sort((a, b) => b.length - a.length)[0];
  if (fitting === undefined) {
    const what = root === "guests" ? "guest" : "host";
    const hint = known.includes(text) ? "name one of its fields" : suggestion(rest[0] ?? "", known);
    throw badName(name, `there is no field of a ${what} in it: ${hint}`);
  }
  const fields = text.slice(fitting.length + 1).split(".");
  return [root, fitting, ...fields.map(segment)];
}

function listPaths(
  root: string,
  rest: readonly string[],
  fields: Readonly<Record<string, unknown>>,
): FieldPath[] {
  const path = rest.map(segment);
  if (typeof path[0] === "number") return [[root, ...path]];
  const list = fields[root];
  const entries = Array.isArray(list) ? list.length : 0;
  if (entries === 0) throw badName(`${root}.${rest.join(".")}`, `the scenario has no ${root}`);
  return Array.from({ length: entries }, (_, i) => [root, i, ...path]);
}

function segment(word: string): string | number {
  return /^(0|[1-9]\d{0,5})$/.test(word) ? Number(word) : word;
}

function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function badName(name: string, problem: string): PrecopyError {
  return new PrecopyError("bad-input", `"${name}" names no field of the scenario: ${problem}`);
}

function notThere(path: FieldPath, at: number, length: number): PrecopyError {
  const list = path.slice(0, at).join(".");
  const hint = length === 0 ? "it is empty" : `its entries are ${list}.0 to ${list}.${length - 1}`;
  return badName(path.join("."), `${list} is a list: ${hint}`);
}
