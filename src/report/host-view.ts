/**
 * A modelled host at the simulation's present moment, as the plain data that the tables of
 * `xl` and `xentop` are printed from.
 *
 * The model shares CPUs as a fluid; a table wants to know which VCPU is on which CPU. A VCPU
 * counts as running when at least half a CPU's time is its; the CPUs are then handed out in the
 * order of domain ids. Domain-0 always runs: it is the one that prints the table.
 */
import { PrecopyError } from "../base/errors.js";
import type { DomainState, EarlierSample, HostView, VcpuState } from "../model/domain.js";
import { modelledHostInfo } from "../model/domain.js";
import type { Simulation } from "../model/simulation.js";
import { DOMAIN_0, type HostedDomain, type XenHost } from "../model/xen-host.js";

/** xl's name for a guest that is being received (tools/xl/xl_migrate.c). */
const INCOMING = "--incoming";
const RUNNING_SHARE = 0.5;

export interface HostViewOptions {
  /** Not before the simulation's present; later only when it has ended. */
  readonly atNs: number;
  /** Gives xentop its interval. */
  readonly previous?: EarlierSample | undefined;
}

/** Looks at a host of a simulation that was advanced to `atNs`. */
export function hostView(
  simulation: Simulation,
  hostName: string,
  { atNs, previous }: HostViewOptions,
): HostView {
  const host = simulation.hosts.get(hostName);
  if (host === undefined) {
    throw new PrecopyError(
      "unknown-name",
      `there is no host "${hostName}": the hosts are ${[...simulation.hosts.keys()].join(", ")}`,
    );
  }
  host.advanceTo(atNs);
  const cpus = new CpuRow(host.spec.physicalCpus);
  const residents = [...host.domains.values()].sort((a, b) => a.id - b.id);
  const domains = [
    dom0State(host, cpus),
    ...residents.map((domain) => domainState(host, domain, cpus)),
    ...incomingStates(simulation, host, residents),
  ];
  return {
    atNs,
    host: modelledHostInfo({
      hostName,
      physicalCpus: host.spec.physicalCpus,
      totalPages: host.spec.memoryPages,
      freePages: host.memory.freePages,
    }),
    domains,
    ...(previous !== undefined && { previous }),
  };
}

/** Hands out physical CPUs one after the other; there may be fewer than want one. */
class CpuRow {
  private taken = 0;

  constructor(private readonly physicalCpus: number) {}

  /** A CPU for a VCPU that wants to run, or the one that it last ran on. */
  place(wantsToRun: boolean): { readonly running: boolean; readonly physicalCpu: number } {
    const physicalCpu = this.taken % this.physicalCpus;
    const running = wantsToRun && this.taken < this.physicalCpus;
    if (running) this.taken++;
    return { running, physicalCpu };
  }
}

function dom0State(host: XenHost, cpus: CpuRow): DomainState {
  const { vcpus, weight, memoryPages } = host.spec.dom0;
  const shareCpus = Math.max(1, host.scheduler.shareOf(DOMAIN_0));
  return {
    id: 0,
    name: DOMAIN_0,
    memoryPages,
    vcpus: vcpuStates({ vcpus, shareCpus, cpuTimeNs: host.dom0CpuTimeNs, paused: false }, cpus),
    weight,
    cap: 0,
    flags: { running: true, blocked: false, paused: false, dying: false },
    cpuTimeNs: host.dom0CpuTimeNs,
  };
}

function domainState(
  host: XenHost,
  { id, spec, paused, cpuTimeNs }: HostedDomain,
  cpus: CpuRow,
): DomainState {
  const { name, pages, vcpus } = spec;
  // Throttled guests show the cap that is in force.
  const { weight, cap } = host.scheduler.settingsOf(name);
  const shareCpus = host.scheduler.shareOf(name);
  const states = vcpuStates({ vcpus, shareCpus, cpuTimeNs, paused }, cpus);
  const running = states.some((vcpu) => vcpu.running);
  return {
    id,
    name,
    uuid: uuidOf(name),
    memoryPages: pages,
    maxMemoryPages: pages,
    vcpus: states,
    weight,
    cap,
    flags: { running, blocked: !running && !paused, paused, dying: false },
    cpuTimeNs,
  };
}

/** Guests whose memory is reserved here and that do not run here yet: built, and paused. */
function incomingStates(
  simulation: Simulation,
  host: XenHost,
  residents: readonly HostedDomain[],
): DomainState[] {
  let id = residents.at(-1)?.id ?? 0;
  return simulation.spec.domains
    .filter(({ name }) => host.memory.has(name) && !host.domains.has(name))
    .map(({ name, vcpus, weight, cap }) => {
      const memoryPages = host.memory.pagesOf(name);
      id++;
      return {
        id,
        name: name + INCOMING,
        uuid: uuidOf(name),
        memoryPages,
        maxMemoryPages: memoryPages,
        vcpus: Array.from({ length: vcpus }, () => ({
          online: true,
          running: false,
          blocked: false,
          physicalCpu: 0,
          cpuTimeNs: 0,
        })),
        weight,
        cap,
        flags: { running: false, blocked: false, paused: true, dying: false },
        cpuTimeNs: 0,
      };
    });
}

interface VcpuUse {
  readonly vcpus: number;
  readonly shareCpus: number;
  readonly cpuTimeNs: number;
  readonly paused: boolean;
}

/** A domain's CPUs fill its VCPUs one after the other; its time is spread evenly. */
function vcpuStates({ vcpus, shareCpus, cpuTimeNs, paused }: VcpuUse, cpus: CpuRow): VcpuState[] {
  const eachNs = Math.floor(cpuTimeNs / vcpus);
  return Array.from({ length: vcpus }, (_, i) => {
    const { running, physicalCpu } = cpus.place(!paused && shareCpus - i >= RUNNING_SHARE);
    return {
      online: true,
      running,
      blocked: !running && !paused,
      physicalCpu,
      cpuTimeNs: i === 0 ? cpuTimeNs - eachNs * (vcpus - 1) : eachNs,
    };
  });
}

/** The same for the same name, wherever the guest stands; an FNV-1a hash in version 8's form. */
function uuidOf(name: string): string {
  const words = [0, 1, 2, 3].map((salt) => {
    let hash = 0x811c9dc5 ^ salt;
    for (let i = 0; i < name.length; i++) {
      hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    }
    return (hash >>> 0).toString(16).padStart(8, "0");
  });
  const hex = words.join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
