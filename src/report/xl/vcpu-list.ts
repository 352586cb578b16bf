/** `xl vcpu-list` (tools/xl/xl_vcpu.c, print_vcpuinfo; the CPU sets: xl_utils.c, print_bitmap). */
import type { DomainState, HostView, VcpuState } from "../../model/domain.js";
import { left, right, xlSeconds } from "./columns.js";

/** A line per VCPU, each ended by a newline; time in seconds. */
export function xlVcpuList(view: HostView): string {
  const titles = ["ID", "VCPU", "CPU", "State"].map((title) => right(title, 5)).join(" ");
  const lines = [`${left("Name", 32)} ${titles} ${right("Time(s)", 9)} Affinity (Hard / Soft)`];
  for (const domain of view.domains) {
    domain.vcpus.forEach((vcpu, at) => {
      lines.push(vcpuRow(domain, at, vcpu, view.host.physicalCpus));
    });
  }
  return `${lines.join("\n")}\n`;
}

function vcpuRow(domain: DomainState, at: number, vcpu: VcpuState, physicalCpus: number): string {
  const { name, id } = domain;
  const { online, running, blocked, physicalCpu, cpuTimeNs } = vcpu;
  const cpu = right(online ? physicalCpu : "-", 5);
  const state = online ? `${running ? "r" : "-"}${blocked ? "b" : "-"}-` : "--p";
  const hard = cpuSet(vcpu.hardAffinity, physicalCpus);
  const soft = cpuSet(vcpu.softAffinity, physicalCpus);
  return (
    `${left(name, 32)} ${right(id, 5)} ${right(at, 5)}${cpu} ${right(state, 5)} ` +
    `${right(xlSeconds(cpuTimeNs), 9)}  ${hard} / ${soft}`
  );
}

/** "all", "none", or ranges of CPU numbers, as in 0-3,5. */
function cpuSet(cpus: readonly number[] | undefined, physicalCpus: number): string {
  if (cpus === undefined || cpus.length === physicalCpus) return "all";
  if (cpus.length === 0) return "none";
  const ranges: { first: number; last: number }[] = [];
  for (const cpu of cpus) {
    const range = ranges.at(-1);
    if (range !== undefined && range.last === cpu - 1) range.last = cpu;
    else ranges.push({ first: cpu, last: cpu });
  }
  return ranges
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(",");
}
