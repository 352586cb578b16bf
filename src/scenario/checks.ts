/**
 * What must hold between the values of a scenario: guests fit their hosts, patterns their guests,
 * loads their VCPUs. What depends on a recording is looked at when it has been read.
 */
import { formatBytes, formatDuration, PAGE_SIZE_BYTES } from "../base/units.js";
import type { ActivitySpec } from "../guest/activity.js";
import type { Trace } from "../guest/trace.js";
import type { Registry } from "../migrate/registry.js";
import { DISK_BLOCK_BYTES, type SimulationSpec } from "../model/spec.js";
import type { Finding } from "./problems.js";
import type { ComponentFile, GuestFile, ScenarioFile } from "./schema.js";

/** Everything that can be told before a trace is read. */
export function checkValues(file: ScenarioFile): Finding[] {
  const findings: Finding[] = [];
  for (const [name, { cpus, memory, dom0 }] of Object.entries(file.hosts)) {
    const path = ["hosts", name, "dom0"];
    if (dom0.cpus > dom0.vcpus) {
      const message = `Domain-0 uses ${dom0.cpus} CPUs and has ${plural(dom0.vcpus, "VCPU")}`;
      findings.push({ path: [...path, "cpus"], message });
    }
    if (dom0.memory > memory) {
      const has = `${name} has ${formatBytes(memory)} and ${plural(cpus, "CPU")}`;
      const message = `${formatBytes(dom0.memory)} for Domain-0 is more than there is: ${has}`;
      findings.push({ path: [...path, "memory"], message });
    }
  }
  for (const [name, guest] of Object.entries(file.guests)) {
    findings.push(...checkGuest(["guests", name], guest));
  }
  findings.push(...checkHostMemory(file, (guest) => guest.memory ?? 0));
  return findings;
}

function checkGuest(path: readonly string[], guest: GuestFile): Finding[] {
  const findings: Finding[] = [];
  const { cpus, vcpus, cap, memory, trace, workload } = guest;
  const add = (field: readonly (string | number)[], message: string) => {
    findings.push({ path: [...path, ...field], message });
  };
  if (cpus !== undefined && cpus > vcpus) {
    add(["cpus"], `uses ${cpus} CPUs and has ${plural(vcpus, "VCPU")}: give it more VCPUs`);
  }
  if (cap > 100 * vcpus) {
    add(["cap"], `${cap} is more than ${plural(vcpus, "VCPU")} can use: at most ${100 * vcpus}`);
  }
  if (trace !== undefined && workload !== undefined) {
    add(["workload"], "a guest follows a trace or a workload: leave one of them out");
  }
  if (trace === undefined && memory === undefined) {
    add(["memory"], "missing: give a size, as in 512MiB; only a trace brings its own");
  }
  if (trace?.tile && memory === undefined) {
    add(["memory"], "missing: say how large a memory the trace is to be tiled over, as in 4GiB");
  }
  if (trace?.clock === "time" && trace["instruction-rate"] !== undefined) {
    const message = 'has no meaning with "clock: time": leave one of them out';
    add(["trace", "instruction-rate"], message);
  }
  const free = guest.free ?? 0;
  if (free + guest["page-cache"] > 1) {
    add(["page-cache"], `${guest["page-cache"]} and ${free} free are more than the memory`);
  }
  findings.push(...checkDisk([...path, "disk"], guest.disk));
  if (memory === undefined) return findings;
  const pages = pagesOf(memory);
  for (const [i, component] of (workload ?? []).entries()) {
    checkComponent(component, pages, (field, message) => add(["workload", i, ...field], message));
  }
  return findings;
}

function checkDisk(path: readonly string[], disk: GuestFile["disk"]): Finding[] {
  const findings: Finding[] = [];
  const blocks = Math.ceil((disk?.size ?? 0) / DISK_BLOCK_BYTES);
  for (const [i, component] of (disk?.writes ?? []).entries()) {
    const add = (field: readonly string[], message: string) => {
      findings.push({ path: [...path, "writes", i, ...field], message });
    };
    checkComponent(component, blocks, add, "the disk has blocks");
  }
  return findings;
}

function checkComponent(
  component: ComponentFile,
  guestPages: number,
  add: (field: readonly string[], message: string) => void,
  where = "the memory has pages",
): void {
  const first = component["first-page"];
  const memory = `${where} 0 to ${guestPages - 1}`;
  if (first >= guestPages) return add(["first-page"], `${first} is outside: ${memory}`);
  const pages = component.pages ?? guestPages - first;
  if (first + pages > guestPages) {
    return add(["pages"], `the pattern covers pages ${first} to ${first + pages - 1}: ${memory}`);
  }
  if (component.pattern !== "hot-cold") return;
  const hot = component["hot-pages"] ?? 1;
  if (hot > pages) add(["hot-pages"], `${hot} is more than the ${pages} pages of the pattern`);
}

/** All guests of a host and Domain-0 fit its memory; `memoryOf` says what is known so far. */
function checkHostMemory(
  file: ScenarioFile,
  memoryOf: (guest: GuestFile, name: string) => number,
): Finding[] {
  const findings: Finding[] = [];
  for (const [name, host] of Object.entries(file.hosts)) {
    let free = Math.floor(host.memory / PAGE_SIZE_BYTES) - pagesOf(host.dom0.memory);
    for (const [guestName, guest] of Object.entries(file.guests)) {
      if (guest.on !== name) continue;
      const sizeBytes = memoryOf(guest, guestName);
      const pages = pagesOf(sizeBytes);
      if (pages > Math.max(0, free)) {
        const has = formatBytes(Math.max(0, free) * PAGE_SIZE_BYTES);
        const message = `${formatBytes(sizeBytes)} do not fit: ${name} has ${has} free of ${formatBytes(host.memory)}`;
        findings.push({ path: ["guests", guestName, "memory"], message });
      }
      free -= pages;
    }
  }
  return findings;
}

/** What can be told once the recordings are there. `traces`: by name of the guest. */
export function checkTraces(file: ScenarioFile, traces: ReadonlyMap<string, Trace>): Finding[] {
  const findings: Finding[] = [];
  for (const [name, { memory, trace: options }] of Object.entries(file.guests)) {
    const trace = traces.get(name);
    if (trace === undefined || options === undefined) continue;
    const path = ["guests", name, "trace"];
    const has = `${trace.pages} pages (${formatBytes(trace.pages * PAGE_SIZE_BYTES)})`;
    if (trace.pageSizeBytes !== PAGE_SIZE_BYTES) {
      const message = `was recorded in pages of ${formatBytes(trace.pageSizeBytes)}: guests have pages of 4 KiB`;
      findings.push({ path: [...path, "file"], message });
    } else if (memory !== undefined && pagesOf(memory) < trace.pages) {
      const message = `${formatBytes(memory)} is less than the trace has: ${has}`;
      findings.push({ path: ["guests", name, "memory"], message });
    }
    if (options.start >= trace.durationNs) {
      const message = `${formatDuration(options.start)} is beyond the trace, which lasts ${formatDuration(trace.durationNs)}`;
      findings.push({ path: [...path, "start"], message });
    }
  }
  if (findings.length > 0) return findings;
  const sized = (guest: GuestFile, name: string) =>
    guest.memory ?? (traces.get(name)?.pages ?? 0) * PAGE_SIZE_BYTES;
  return checkHostMemory(file, sized);
}

/** Accessed bits tell something of guests alone that are seen to read. */
export function checkEvidence(
  file: ScenarioFile,
  spec: SimulationSpec,
  registry: Registry,
): Finding[] {
  const silent = new Set(spec.domains.filter((d) => !showsReads(d.activity)).map((d) => d.name));
  const moved = spec.migrations.find(({ domain }) => silent.has(domain))?.domain;
  const findings: Finding[] = [];
  const check = (strategy: string, guest: string | undefined, path: (string | number)[]) => {
    const { predictor, predictorParams } = registry.resolve(strategy);
    if (guest === undefined || !silent.has(guest)) return;
    if (predictor.evidence(predictorParams) !== "references") return;
    const message = `${guest} shows no reads, so accessed bits tell no more than the log: use bits=write, or a trace with reads`;
    findings.push({ path, message });
  };
  file.migrate.forEach(({ strategy, guest }, i) => {
    check(strategy, guest, ["migrate", i, "strategy"]);
  });
  if (file.plan !== undefined) check(file.plan.strategy, moved, ["plan", "strategy"]);
  file.compare.forEach((strategy, i) => {
    check(strategy, moved, ["compare", i]);
  });
  return findings;
}

function showsReads(activity: ActivitySpec): boolean {
  if (activity.kind === "replay") return activity.trace.hasReads;
  if (activity.kind === "idle") return true;
  return activity.components.some(({ pattern }) => (pattern.writeFraction ?? 1) < 1);
}

/** Pages that hold so many bytes. */
export function pagesOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PAGE_SIZE_BYTES);
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
