/**
 * A modelled Xen host: physical CPUs under the credit scheduler, memory that can be reserved or
 * refused, Domain-0, and the domains that run here. It decides how fast each guest runs.
 */

import { type Brake, NO_BRAKE } from "../policy/throttle.js";
import { CreditScheduler } from "./credit-scheduler.js";
import type { ModelGuest } from "./model-guest.js";
import { MemoryBook } from "./reservation.js";
import { type DomainSpec, type HostSpec, PML_ENTRIES } from "./spec.js";

/** Domain-0's name, as `xl list` prints it. */
export const DOMAIN_0 = "Domain-0";

/** A domain as it stands on a host. */
export interface HostedDomain {
  readonly id: number;
  readonly spec: DomainSpec;
  /** Only guests that migrate have their memory modelled page by page. */
  readonly guest: ModelGuest | undefined;
  /** What a migration's throttle has set. */
  brake: Brake;
  paused: boolean;
  cpuTimeNs: number;
  cpuFraction: number;
}

export class XenHost {
  readonly scheduler: CreditScheduler;
  readonly memory: MemoryBook;
  readonly domains = new Map<string, HostedDomain>();
  dom0CpuTimeNs = 0;
  private atNs = 0;
  private nextDomainId = 1;
  private dom0Fraction = 0;
  private readonly migrationRates = new Map<object, number>();

  constructor(readonly spec: HostSpec) {
    this.scheduler = new CreditScheduler({ physicalCpus: spec.physicalCpus });
    this.memory = new MemoryBook({ totalPages: spec.memoryPages });
    const { vcpus, weight, demandCpus, memoryPages } = spec.dom0;
    this.scheduler.add({ id: DOMAIN_0, vcpus, weight, demandCpus });
    this.memory.reserve(DOMAIN_0, memoryPages);
  }

  /** Puts a domain here; its memory has been reserved. */
  add(spec: DomainSpec, guest: ModelGuest | undefined, cpuTimeNs: number): HostedDomain {
    const { name, vcpus, weight, cap, demandCpus } = spec;
    this.scheduler.add({ id: name, vcpus, weight, cap, demandCpus });
    const domain: HostedDomain = {
      id: this.nextDomainId++,
      spec,
      guest,
      brake: NO_BRAKE,
      paused: false,
      cpuTimeNs,
      cpuFraction: 0,
    };
    this.domains.set(name, domain);
    this.reshare();
    return domain;
  }

  /** Takes a domain away and frees its memory. */
  remove(name: string): void {
    this.scheduler.remove(name);
    this.domains.delete(name);
    this.memory.release(name);
    this.reshare();
  }

  setPaused(name: string, paused: boolean): void {
    const domain = this.domain(name);
    domain.paused = paused;
    this.applySettings(domain);
    this.reshare();
  }

  /** Slows a domain as its migration's throttle says; NO_BRAKE lifts it. */
  setBrake(name: string, brake: Brake): void {
    const domain = this.domain(name);
    domain.brake = brake;
    domain.guest?.setBrake(brake);
    this.applySettings(domain);
    this.reshare();
  }

  /** What a migration sends or receives here, payload bytes a second; Domain-0 works for it. */
  setMigrationRate(migration: object, bytesPerSec: number): void {
    if (bytesPerSec > 0) this.migrationRates.set(migration, bytesPerSec);
    else this.migrationRates.delete(migration);
    let cpus = this.spec.dom0.demandCpus;
    for (const rate of this.migrationRates.values()) {
      const gbits = Number.isFinite(rate) ? (rate * 8) / 1e9 : 0;
      cpus += gbits * this.spec.costs.dom0CpusPerGbit;
    }
    this.scheduler.configure(DOMAIN_0, { demandCpus: Math.min(this.spec.dom0.vcpus, cpus) });
    this.reshare();
  }

  /** Runs everything here until `nowNs`. */
  advanceTo(nowNs: number): void {
    const elapsedNs = nowNs - this.atNs;
    if (elapsedNs <= 0) return;
    this.atNs = nowNs;
    const shares = this.scheduler.shares();
    const dom0 = elapsedNs * (shares.get(DOMAIN_0) as number) + this.dom0Fraction;
    this.dom0CpuTimeNs += Math.floor(dom0);
    this.dom0Fraction = dom0 - Math.floor(dom0);
    for (const domain of this.domains.values()) {
      const used = elapsedNs * (shares.get(domain.spec.name) as number) + domain.cpuFraction;
      domain.cpuTimeNs += Math.floor(used);
      domain.cpuFraction = used - Math.floor(used);
      domain.guest?.advanceTo(nowNs);
    }
  }

  domain(name: string): HostedDomain {
    const domain = this.domains.get(name);
    if (domain === undefined) throw new Error(`no domain ${name} on ${this.spec.name}`);
    return domain;
  }

  /** What one first write to a logged page costs a guest of so many VCPUs. */
  faultNs(vcpus: number): number {
    const { pml, costs } = this.spec;
    const each = pml ? costs.pmlExitNs / PML_ENTRIES : costs.writeFaultNs;
    return each / vcpus;
  }

  private applySettings({ spec, brake: { cpuShare }, paused }: HostedDomain): void {
    this.scheduler.configure(spec.name, {
      demandCpus: paused ? 0 : spec.demandCpus,
      cap: cpuShare < 1 ? cappedAt(spec, cpuShare) : spec.cap,
    });
  }

  /** Tells every guest how fast it runs now, and how fast it would without migrations. */
  private reshare(): void {
    const shares = this.scheduler.shares();
    const without = new Map<string | number, { demandCpus?: number; cap?: number }>();
    without.set(DOMAIN_0, { demandCpus: this.spec.dom0.demandCpus });
    for (const { spec, paused } of this.domains.values()) {
      without.set(spec.name, { cap: spec.cap, demandCpus: paused ? 0 : spec.demandCpus });
    }
    const baseline = this.scheduler.sharesWith(without);
    for (const { spec, guest, paused } of this.domains.values()) {
      if (guest === undefined || paused) continue;
      guest.faultNs = this.faultNs(spec.vcpus);
      guest.speed = speedOf(spec, shares.get(spec.name) as number);
      guest.baselineSpeed = speedOf(spec, baseline.get(spec.name) as number);
    }
  }
}

function speedOf({ demandCpus }: DomainSpec, shareCpus: number): number {
  return demandCpus > 0 ? Math.min(1, shareCpus / demandCpus) : 1;
}

/** A throttle to `share` as the credit scheduler's cap; never looser than the domain's own. */
function cappedAt({ cap, demandCpus, vcpus }: DomainSpec, share: number): number {
  const usable = Math.min(demandCpus, vcpus, cap > 0 ? cap / 100 : vcpus);
  return Math.max(1, Math.round(usable * share * 100));
}
