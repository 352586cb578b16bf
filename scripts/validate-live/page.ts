/** What was measured, as it is kept, and the tables that docs/LIVE-VALIDATION.md makes of it. */
import { readFileSync, writeFileSync } from "node:fs";
import { LINKS, LINUX, TINY } from "./guests.js";
import { type Figures, type LiveFigures, type Measured, median } from "./runs.js";

export interface Cell {
  readonly workload: string;
  readonly family: string;
  readonly link: string;
  readonly strategy: string;
  readonly live: readonly LiveFigures[];
  readonly model: readonly Figures[];
  /** With what the live moves had of their link, in place of what they were allowed. */
  readonly atItsRate: readonly Figures[];
}

/** All that the tables are made of. */
export interface Found {
  readonly cells: readonly Cell[];
  /** By kind of guest and link. */
  readonly costs: Readonly<Record<string, Measured>>;
}

const KEPT = new URL("../../test/fixtures/live-moves.jsonl", import.meta.url);

export function readFound(): Found {
  const cells: Cell[] = [];
  const costs: Record<string, Measured> = {};
  for (const line of readFileSync(KEPT, "utf8").split("\n")) {
    if (line === "") continue;
    const { of, ...kept } = JSON.parse(line);
    if (of === undefined) cells.push(kept);
    else costs[of] = kept;
  }
  return { cells, costs };
}

export function writeFound({ cells, costs }: Found): void {
  const measured = Object.entries(costs).map(([of, kept]) => ({ of, ...kept }));
  const lines = [...measured, ...cells].map((line) => JSON.stringify(line, short));
  writeFileSync(KEPT, `${lines.join("\n")}\n`);
}

/** Three decimals are more than any of it is good for. */
function short(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1e3) / 1e3 : value;
}

/** Each with the mark that it stands between. */
export function tablesOf({ cells, costs }: Found): [mark: string, table: string][] {
  const order = [...TINY, ...LINUX].map(({ name }) => name);
  const sorted = [...cells].sort((a, b) => order.indexOf(a.workload) - order.indexOf(b.workload));
  const links = LINKS.map(({ name }): [string, string] => [name, tableOf(name, sorted)]);
  return [
    ["guests", guestsOf(cells)],
    ["costs", costsOf(costs)],
    ["summary", summaryOf(sorted)],
    ...links,
  ];
}

function guestsOf(cells: readonly Cell[]): string {
  const measured = new Set(cells.map(({ workload }) => workload));
  const guests = [...TINY, ...LINUX].filter(({ name }) => measured.has(name));
  const rows = guests.map(({ name, what }) => `| ${name} | ${what} |`);
  return ["| guest | what it does |", "|---|---|", ...rows].join("\n");
}

const HEAD = [
  "| guest | strategy | rounds | model | pages sent | model | off % | in the pause | model | MiB | model | total, ms | model | off % | downtime, ms | model | guest % | link % | at its rate: pages off % | total off % |",
  `|---|---|${"--:|".repeat(18)}`,
];

/** Medians; the least and the most in brackets. */
function tableOf(link: string, cells: readonly Cell[]): string {
  const rows = cells.filter((cell) => cell.link === link).map(rowOf);
  return [...HEAD, ...rows].join("\n");
}

function rowOf({ workload, strategy, live, model, atItsRate }: Cell): string {
  const liveOf = (pick: (one: LiveFigures) => number, digits = 0) => spread(live.map(pick), digits);
  const modelOf = (pick: (one: Figures) => number, digits = 0) => spread(model.map(pick), digits);
  const off = (pick: (one: Figures) => number) => signed(offOf(live, model, pick));
  const cells = [
    ...[workload, `\`${strategy}\``],
    ...[liveOf((one) => one.rounds), modelOf((one) => one.rounds)],
    ...[liveOf((one) => one.pages), modelOf((one) => one.pages), off((one) => one.pages)],
    ...[liveOf((one) => one.stopPages), modelOf((one) => one.stopPages)],
    ...[
      median(live.map((one) => one.mib)).toFixed(1),
      median(model.map((one) => one.mib)).toFixed(1),
    ],
    ...[liveOf((one) => one.totalMs), modelOf((one) => one.totalMs), off((one) => one.totalMs)],
    ...[liveOf((one) => one.downtimeMs), modelOf((one) => one.downtimeMs)],
    median(live.map((one) => one.guestShare)).toFixed(0),
    median(live.map((one) => one.linkUse)).toFixed(0),
    signed(offOf(live, atItsRate, (one) => one.pages)),
    signed(offOf(live, atItsRate, (one) => one.totalMs)),
  ];
  return `| ${cells.join(" | ")} |`;
}

function offOf(
  live: readonly Figures[],
  model: readonly Figures[],
  pick: (one: Figures) => number,
): number {
  const real = median(live.map(pick));
  return real === 0 ? 0 : (100 * (median(model.map(pick)) - real)) / real;
}

function spread(values: readonly number[], digits: number): string {
  const text = (value: number) => value.toFixed(digits);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const middle = text(median(values));
  return text(least) === text(most) ? middle : `${middle} (${text(least)}–${text(most)})`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

/** How far off, over all rows of a kind of guest: median and worst. */
function summaryOf(cells: readonly Cell[]): string {
  const groups = [...new Set(cells.map(({ family, link }) => `${family}, ${link}`))];
  const rows = groups.map((group) => {
    const these = cells.filter(({ family, link }) => `${family}, ${link}` === group);
    type Side = "model" | "atItsRate";
    const offs = (pick: (one: Figures) => number, side: Side = "model") => {
      const all = these.map((cell) => Math.abs(offOf(cell.live, cell[side], pick)));
      return `${median(all).toFixed(1)} / ${Math.max(...all).toFixed(1)}`;
    };
    const apart = (pick: (one: Figures) => number) => {
      const all = these.map(({ live, model }) =>
        Math.abs(median(live.map(pick)) - median(model.map(pick))),
      );
      return `${median(all).toFixed(0)} / ${Math.max(...all).toFixed(0)}`;
    };
    const counts = [these.length, apart((one) => one.rounds), offs((one) => one.pages)];
    const times = [offs((one) => one.totalMs), apart((one) => one.downtimeMs)];
    const slower = [offs((one) => one.pages, "atItsRate"), offs((one) => one.totalMs, "atItsRate")];
    const all = [group, ...counts, apart((one) => one.stopPages), ...times, ...slower];
    return `| ${all.join(" | ")} |`;
  });
  return [
    "| guests, link | rows | rounds apart | pages off % | pages of the pause apart | total off % | downtime apart, ms | at its rate: pages off % | total off % |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...rows,
  ].join("\n");
}

/** What the model was given. */
function costsOf(costs: Readonly<Record<string, Measured>>): string {
  const ms = (ns = 0) => (ns / 1e6).toFixed(1);
  const rows = Object.entries(costs).map(([of, { costs: c, deviceStateBytes, bytesPerPage }]) => {
    const times = [c.initialiseNs, c.reserveNs, c.restoreNs, c.commitNs, c.unpauseNs].map(ms);
    const cpus = (c.dom0CpusPerGbit ?? 0).toFixed(2);
    return `| ${[of, ...times, cpus, deviceStateBytes.toFixed(0), bytesPerPage.toFixed(1)].join(" | ")} |`;
  });
  return [
    "| guests, link | begin, ms | reserve | restore | commit | start | CPUs for 1 Gbit/s | state, bytes | bytes a page |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...rows,
  ].join("\n");
}
