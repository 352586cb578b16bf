/**
 * `xentop -b`: one sample, a line per domain (tools/xentop/xentop.c). Domains come by name, upper
 * and lower case alike: xentop starts with its sort field at 0, and its field 0 is NAME.
 * CPU(%) is the use since the sample before, of one CPU = 100; the first sample says 0.0.
 */
import type { DomainFlags, DomainState, HostView } from "../../model/domain.js";
import { oneDecimal, right } from "./columns.js";

export interface XentopOptions {
  /** `-f`: whole names, the column as wide as the longest; else the first 10 characters. */
  readonly fullNames?: boolean;
  /** `-v`: a line with each VCPU's seconds after each domain. */
  readonly vcpus?: boolean;
}

interface Column {
  readonly title: string;
  readonly width: number;
  /** Large counters widen their column. */
  readonly grows?: boolean;
  readonly print: (domain: DomainState, view: HostView) => number | string;
}

const COLUMNS: readonly Column[] = [
  { title: "NAME", width: 10, print: ({ name }) => name },
  { title: "STATE", width: 6, print: ({ flags }) => stateLetters(flags) },
  { title: "CPU(sec)", width: 10, print: ({ cpuTimeNs }) => wholeSeconds(cpuTimeNs) },
  { title: "CPU(%)", width: 6, print: (domain, view) => oneDecimal(cpuPercent(domain, view)) },
  { title: "MEM(k)", width: 10, print: ({ memoryPages }, view) => kib(memoryPages, view) },
  { title: "MEM(%)", width: 6, print: ({ memoryPages }, view) => percent(memoryPages, view) },
  {
    title: "MAXMEM(k)",
    width: 10,
    print: ({ maxMemoryPages: max }, view) => (max === undefined ? "no limit" : kib(max, view)),
  },
  {
    title: "MAXMEM(%)",
    width: 9,
    print: ({ maxMemoryPages: max }, view) => (max === undefined ? "n/a" : percent(max, view)),
  },
  { title: "VCPUS", width: 5, print: ({ vcpus }) => vcpus.filter((vcpu) => vcpu.online).length },
  { title: "NETS", width: 4, print: ({ networks = [] }) => networks.length },
  {
    title: "NETTX(k)",
    width: 8,
    grows: true,
    print: ({ networks = [] }) => Math.floor(sum(networks, (net) => net.sentBytes) / 1024),
  },
  {
    title: "NETRX(k)",
    width: 8,
    grows: true,
    print: ({ networks = [] }) => Math.floor(sum(networks, (net) => net.receivedBytes) / 1024),
  },
  { title: "VBDS", width: 4, print: ({ disks = [] }) => disks.length },
  { title: "VBD_OO", width: 8, print: ({ disks = [] }) => sum(disks, (d) => d.outOfRequests) },
  { title: "VBD_RD", width: 8, grows: true, print: ({ disks = [] }) => sum(disks, (d) => d.reads) },
  {
    title: "VBD_WR",
    width: 8,
    grows: true,
    print: ({ disks = [] }) => sum(disks, (d) => d.writes),
  },
  {
    title: "VBD_RSECT",
    width: 10,
    grows: true,
    print: ({ disks = [] }) => sum(disks, (d) => d.sectorsRead),
  },
  {
    title: "VBD_WSECT",
    width: 10,
    grows: true,
    print: ({ disks = [] }) => sum(disks, (d) => d.sectorsWritten),
  },
  { title: "SSID", width: 4, print: () => 0 },
];

/** The header and the domains of one sample, each line ended by a newline. */
export function xentop(view: HostView, options: XentopOptions = {}): string {
  const { fullNames = false, vcpus = false } = options;
  const domains = [...view.domains].sort(byName);
  const cells = domains.map((domain) => COLUMNS.map(({ print }) => String(print(domain, view))));
  if (!fullNames) for (const row of cells) row[0] = (row[0] as string).slice(0, 10);
  const widths = COLUMNS.map((column, at) => {
    const mayGrow = column.grows === true || (at === 0 && fullNames);
    return mayGrow
      ? cells.reduce((w, row) => Math.max(w, cellWidth(row, at)), column.width)
      : column.width;
  });
  const titles = COLUMNS.map(({ title }) => title);
  const line = (row: readonly string[]) =>
    row.map((cell, at) => right(cell, widths[at] as number)).join(" ");
  const lines = domains.length === 0 ? [] : [line(titles)];
  domains.forEach((domain, at) => {
    lines.push(line(cells[at] as string[]));
    if (vcpus) lines.push(vcpuSeconds(domain));
  });
  return lines.map((text) => `${text}\n`).join("");
}

/** xentop measures a counter plus one: 99,999,999 already asks for a ninth digit. */
function cellWidth(row: readonly string[], at: number): number {
  const cell = row[at] as string;
  return at === 0 ? cell.length : String(Number(cell) + 1).length;
}

/** strcasecmp in the C locale: only A to Z are folded. */
function byName(a: DomainState, b: DomainState): number {
  const fold = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const [first, second] = [fold(a.name), fold(b.name)];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

/** A crash shows as c alone: libxenstat's "shutdown" leaves crashes out. */
function stateLetters(flags: DomainFlags): string {
  const { dying, blocked, paused, running, shutdownReason } = flags;
  const crashed = shutdownReason === "crash";
  const shutdown = shutdownReason !== undefined && !crashed;
  return [
    dying ? "d" : "-",
    shutdown ? "s" : "-",
    blocked ? "b" : "-",
    crashed ? "c" : "-",
    paused ? "p" : "-",
    running ? "r" : "-",
  ].join("");
}

function cpuPercent(domain: DomainState, view: HostView): number {
  const before = view.previous?.domains.find(({ id }) => id === domain.id);
  if (before === undefined || view.previous === undefined) return 0;
  // xentop's clock has microseconds.
  const elapsedUs = Math.floor(view.atNs / 1000) - Math.floor(view.previous.atNs / 1000);
  if (elapsedUs <= 0) return 0;
  return (domain.cpuTimeNs - before.cpuTimeNs) / 10 / elapsedUs;
}

function vcpuSeconds({ vcpus }: DomainState): string {
  let text = "VCPUs(sec): ";
  vcpus.forEach((vcpu, at) => {
    if (!vcpu.online) return;
    if (at !== 0 && at % 5 === 0) text += "\n        ";
    text += ` ${right(at, 2)}: ${right(wholeSeconds(vcpu.cpuTimeNs), 10)}s`;
  });
  return text;
}

function wholeSeconds(timeNs: number): number {
  return Math.floor(timeNs / 1e9);
}

function kib(pages: number, view: HostView): number {
  return Math.floor((pages * view.host.pageSizeBytes) / 1024);
}

function percent(pages: number, view: HostView): string {
  return oneDecimal((pages / view.host.totalPages) * 100);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
