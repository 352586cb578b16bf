/**
 * What a scenario's migrations are to a forecast: the guest's memory and what writes to it, the
 * route, the costs of its hosts. Contention between guests, for CPUs or for links, is not in it.
 */
import { PrecopyError } from "../base/errors.js";
import { power } from "../base/math.js";
import type { SyntheticSpec } from "../guest/synthetic.js";
import { Registry } from "../migrate/registry.js";
import { Routes } from "../model/route.js";
import type { DomainSpec, HostCosts, SimulationSpec } from "../model/spec.js";
import type { PageClass } from "./class-memory.js";
import { type ContentFacts, contentOfProfile } from "./content-facts.js";
import type { ForecastInput } from "./forecast.js";
import type { ForecastGuest } from "./forecast-guest.js";
import type { LoopCosts } from "./loop-costs.js";

export interface NamedForecast {
  readonly name: string;
  readonly input: ForecastInput;
}

/**
 * One input a migration, in their order. The strategies are the scenario's own, written whole.
 *
 * @throws PrecopyError for patterns of writes that a forecast on counts has no form for
 */
export function forecastInputs(
  spec: SimulationSpec,
  registry: Registry = Registry.standard(),
): NamedForecast[] {
  const routes = new Routes(spec);
  return spec.migrations.map((migration) => {
    const domain = found(spec.domains, migration.domain);
    const host = found(spec.hosts, domain.host);
    const { payloadBytesPerSec } = routes.between(domain.host, migration.to);
    const { strategy } = migration;
    const preset = strategy.includes("@") ? "" : `@${registry.resolve(strategy).preset.name}`;
    return {
      name: domain.name,
      input: {
        guest: guestOf(domain),
        content: contentOf(domain),
        linkBytesPerSec: payloadBytesPerSec,
        linkKnown: "measured",
        downtimeLimitMs: migration.downtimeLimitNs / 1e6,
        strategy: `${strategy}${preset}`,
        timeoutMs: migration.timeoutNs / 1e6,
        costs: costsOf(host.costs, domain),
      },
    };
  });
}

function guestOf(domain: DomainSpec): ForecastGuest {
  const { activity, pages } = domain;
  switch (activity.kind) {
    case "replay":
      return { kind: "trace", trace: activity.trace, pages };
    case "synthetic":
      return { kind: "classes", classes: classesOf(activity, domain) };
    case "idle":
      return { kind: "classes", classes: [rest(pages, contentOf(domain).zeroShare ?? 0)] };
  }
}

function contentOf({ content }: DomainSpec): Partial<ContentFacts> {
  return content === undefined ? {} : contentOfProfile(content);
}

/** The model's own costs; what happens after the first instruction is no part of a forecast. */
function costsOf(costs: HostCosts, domain: DomainSpec): Partial<LoopCosts> {
  const ms = (ns: number) => ns / 1e6;
  return {
    setupMs: ms(costs.initialiseNs + costs.reserveNs),
    syncMs: ms(costs.logDirtyNsPerPage * domain.pages),
    stopMs: ms(costs.suspendNs),
    resumeMs: ms(
      costs.restoreNs + costs.commitNs + costs.unpauseNs + costs.attachDevicesNs + costs.announceNs,
    ),
    deviceStateBytes: domain.deviceStateBytes,
    // Looking for zeros takes the model 100 ns a page (codec/zero.ts), untouched or not.
    ...{ zeroPageUs: 0.1, untouchedPageUs: 0.1, coldFactor: 1, targetZeroPageUs: 0 },
  };
}

/** Pages between and behind the patterns are never written. */
function classesOf({ components }: SyntheticSpec, domain: DomainSpec): PageClass[] {
  const zeroShare = contentOf(domain).zeroShare ?? 0;
  const ordered = [...components].sort((a, b) => a.pattern.firstPage - b.pattern.firstPage);
  const classes: PageClass[] = [];
  let at = 0;
  for (const component of ordered) {
    const { firstPage, pages, kind } = component.pattern;
    if (firstPage < at) {
      const what = `patterns of ${domain.name} overlap at page ${firstPage}`;
      throw new PrecopyError("unsupported", `${what}: no forecast is made of that, precopy run is`);
    }
    if (firstPage > at) classes.push(rest(firstPage - at, zeroShare));
    const written = kind === "zipf" ? zipfClasses(component) : patternClasses(component);
    classes.push(...written.map((one) => ({ ...one, zeroShare })));
    at = firstPage + pages;
  }
  if (domain.pages > at) classes.push(rest(domain.pages - at, zeroShare));
  return classes;
}

const rest = (pages: number, zeroShare: number): PageClass => ({
  ...{ pages, zeroShare, writesPerPageSec: 0 },
});

type Component = SyntheticSpec["components"][number];

/** A phase counts by its share of the cycle. */
function writesPerSec({ pattern, accessesPerSec, phase }: Component): number {
  const active = phase === undefined ? 1 : (phase.endNs - phase.startNs) / phase.periodNs;
  return accessesPerSec * (pattern.writeFraction ?? 1) * active;
}

function patternClasses(component: Component): PageClass[] {
  const { pattern } = component;
  const { kind, pages } = pattern;
  const perSec = writesPerSec(component);
  if (kind === "sequential") {
    return [{ pages, writesPerPageSec: perSec / pages, sequential: true }];
  }
  if (kind !== "hot-cold" || pattern.hotPages >= pages) {
    return [{ pages, writesPerPageSec: perSec / pages }];
  }
  const { hotPages, hotFraction } = pattern;
  const cold = pages - hotPages;
  return [
    { pages: hotPages, writesPerPageSec: (perSec * hotFraction) / hotPages },
    { pages: cold, writesPerPageSec: (perSec * (1 - hotFraction)) / cold },
  ].filter((one) => one.pages > 0);
}

/** Ranks that are written nearly alike are one class; classes are strewn over so many slices. */
const ZIPF_SLICES = 16;
const ZIPF_GROWTH = 1.25;

function zipfClasses(component: Component): PageClass[] {
  const { pattern } = component;
  const { pages } = pattern;
  const exponent = pattern.kind === "zipf" ? pattern.exponent : 0;
  const groups: { pages: number; weight: number }[] = [];
  for (let from = 1; from <= pages; ) {
    const to = Math.min(pages, Math.max(from, Math.floor(from * ZIPF_GROWTH)));
    const size = to - from + 1;
    // Of the group's middle rank: the weights within differ by a fraction alone.
    groups.push({ pages: size, weight: size * power((from + to) / 2, -exponent) });
    from = to + 1;
  }
  const sum = groups.reduce((total, one) => total + one.weight, 0);
  const perSec = writesPerSec(component);
  const slice = groups.map(({ pages: size, weight }) => ({
    pages: size / ZIPF_SLICES,
    writesPerPageSec: (perSec * weight) / sum / size,
  }));
  return Array.from({ length: ZIPF_SLICES }, () => slice).flat();
}

function found<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const one = all.find((each) => each.name === name);
  if (one !== undefined) return one;
  throw new PrecopyError("unknown-name", `the specification has no "${name}"`);
}
