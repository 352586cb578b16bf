/** `xl info` (tools/xl/xl_info.c, print_info): a key and a value a line. */
import type { HostInfo, HostView } from "../../model/domain.js";
import { left } from "./columns.js";

const KEY_WIDTH = 23;

/** Memory in whole MiB, cpu_mhz with three decimals; blanks at the end of a value stay. */
export function xlInfo(view: HostView): string {
  const { host } = view;
  const entries = [...machineEntries(host), ...memoryEntries(host), ...xenEntries(host)];
  return entries.map(([key, value]) => `${left(key, KEY_WIDTH)}: ${value}\n`).join("");
}

type Entry = readonly [key: string, value: number | string];

function machineEntries(host: HostInfo): Entry[] {
  const khz = String(host.cpuKhz % 1000).padStart(3, "0");
  return [
    ["host", host.hostName],
    ["release", host.release],
    ["version", host.version],
    ["machine", host.machine],
    ["nr_cpus", host.physicalCpus],
    ["max_cpu_id", host.maxCpuId],
    ["nr_nodes", host.numaNodes],
    ["cores_per_socket", host.coresPerSocket],
    ["threads_per_core", host.threadsPerCore],
    ["cpu_mhz", `${Math.floor(host.cpuKhz / 1000)}.${khz}`],
    ["hw_caps", host.hardwareCaps],
    ["virt_caps", host.virtualizationCaps.join(" ")],
  ];
}

function memoryEntries(host: HostInfo): Entry[] {
  const pagesPerMib = 2 ** 20 / host.pageSizeBytes;
  const mib = (pages: number) => Math.floor(pages / pagesPerMib);
  return [
    ["total_memory", mib(host.totalPages)],
    ["free_memory", mib(host.freePages - host.outstandingPages)],
    ["sharing_freed_memory", mib(host.sharingFreedPages)],
    ["sharing_used_memory", mib(host.sharingUsedPages)],
    ["outstanding_claims", mib(host.outstandingPages)],
    ["free_cpus", host.freeCpus],
  ];
}

function xenEntries(host: HostInfo): Entry[] {
  const { xenMajor, xenMinor, xenExtra } = host;
  return [
    ["xen_major", xenMajor],
    ["xen_minor", xenMinor],
    ["xen_extra", xenExtra],
    ["xen_version", `${xenMajor}.${xenMinor}${xenExtra}`],
    ["xen_caps", host.xenCaps],
    ["xen_scheduler", host.scheduler],
    ["xen_pagesize", host.pageSizeBytes],
    ["platform_params", `virt_start=0x${host.virtualStart}`],
    ["xen_changeset", host.changeset],
    ["xen_commandline", host.commandLine],
    ["cc_compiler", host.compiler],
    ["cc_compile_by", host.compiledBy],
    ["cc_compile_domain", host.compileDomain],
    ["cc_compile_date", host.compileDate],
    ["build_id", host.buildId],
    ["xend_config_format", 4],
  ];
}
