/**
 * Xen's credit scheduler as a fluid model: who gets how many physical CPUs, by weight and cap.
 *
 * xen/common/sched/credit.c hands out credits once every 30 ms time slice; seen over many slices
 * that is proportional share with upper bounds, which is what this file computes by weighted
 * water-filling: the capacity goes to the runnable domains by weight, none gets more than
 * min(demand, VCPUs, cap / 100), and what a bounded domain leaves is shared among the others.
 *
 * A domain's weight counts once, however many VCPUs it has: its credit is divided among them.
 * That is what Xen documents and what its first accounting did; later trees multiply the weight
 * by the number of active VCPUs, which is had here by giving weight * VCPUs.
 */
import { PrecopyError } from "../base/errors.js";

/** `weight` of a domain that sets none (CSCHED_DEFAULT_WEIGHT). */
export const CREDIT_DEFAULT_WEIGHT = 256;
export const CREDIT_MIN_WEIGHT = 1;
export const CREDIT_MAX_WEIGHT = 65_535;
/** The accounting period; shares are averages over many of these (CSCHED_DEFAULT_TSLICE_MS). */
export const CREDIT_TIMESLICE_NS = 30_000_000;
/** xl's tslice=30ms ratelimit=1000us migration-delay=0us. */
export const CREDIT_RATELIMIT_US = 1000;

const MAX_PHYSICAL_CPUS = 4096;
const MAX_VCPUS = 8192;

export type SchedulerId = number | string;

/** What `xl sched-credit -d` sets, and the load that the guest would run. */
export interface CreditSettings {
  /** 1 .. 65535. */
  readonly weight?: number;
  /** Percent of one physical CPU: 0 = no cap, 50 = half a CPU, 200 = two; at most 100 * vcpus. */
  readonly cap?: number;
  /** CPUs that the domain would keep busy if it were alone, 0 .. vcpus. */
  readonly demandCpus?: number;
}

export interface CreditDomain extends CreditSettings {
  readonly id: SchedulerId;
  readonly vcpus: number;
  readonly demandCpus: number;
}

interface Entry {
  readonly id: SchedulerId;
  readonly vcpus: number;
  readonly weight: number;
  readonly cap: number;
  readonly demandCpus: number;
}

export class CreditScheduler {
  readonly physicalCpus: number;
  private readonly entries = new Map<SchedulerId, Entry>();
  private cached: ReadonlyMap<SchedulerId, number> | undefined;

  constructor(options: { readonly physicalCpus: number }) {
    const { physicalCpus } = options;
    checkInteger("a host's physical CPUs", physicalCpus, 1, MAX_PHYSICAL_CPUS);
    this.physicalCpus = physicalCpus;
  }

  add(domain: CreditDomain): void {
    if (this.entries.has(domain.id)) {
      throw new PrecopyError(
        "bad-input",
        `domain ${domain.id} is already scheduled here: use configure() to change it`,
      );
    }
    checkInteger(`the VCPUs of domain ${domain.id}`, domain.vcpus, 1, MAX_VCPUS);
    const blank = { weight: CREDIT_DEFAULT_WEIGHT, cap: 0, demandCpus: 0 };
    this.entries.set(domain.id, changed({ id: domain.id, vcpus: domain.vcpus, ...blank }, domain));
    this.cached = undefined;
  }

  /** Changes what is given and keeps the rest; nothing changes when a value is refused. */
  configure(id: SchedulerId, settings: CreditSettings): void {
    this.entries.set(id, changed(this.entry(id), settings));
    this.cached = undefined;
  }

  remove(id: SchedulerId): void {
    this.entry(id);
    this.entries.delete(id);
    this.cached = undefined;
  }

  has(id: SchedulerId): boolean {
    return this.entries.has(id);
  }

  /** The settings in force, defaults filled in. */
  settingsOf(id: SchedulerId): Required<CreditDomain> {
    return this.entry(id);
  }

  /** Physical CPUs that the domain gets now, 0 .. min(demand, vcpus, cap / 100). */
  shareOf(id: SchedulerId): number {
    this.entry(id);
    return this.shares().get(id) as number;
  }

  /** Every domain's share in CPUs, in the order in which the domains were added. */
  shares(): ReadonlyMap<SchedulerId, number> {
    this.cached ??= waterFill(this.physicalCpus, [...this.entries.values()]);
    return this.cached;
  }

  /** CPUs that no domain uses. */
  idleCpus(): number {
    let idle = this.physicalCpus;
    for (const share of this.shares().values()) idle -= share;
    return Math.max(0, idle);
  }

  /**
   * The shares there would be with some domains set otherwise; the scheduler stays as it is.
   * A domain is taken away by `demandCpus: 0`. Answers what a guest would have run without the
   * migration beside it.
   */
  sharesWith(
    overrides: ReadonlyMap<SchedulerId, CreditSettings>,
  ): ReadonlyMap<SchedulerId, number> {
    for (const id of overrides.keys()) this.entry(id);
    const entries = [...this.entries.values()].map((entry) => {
      const settings = overrides.get(entry.id);
      return settings === undefined ? entry : changed(entry, settings);
    });
    return waterFill(this.physicalCpus, entries);
  }

  private entry(id: SchedulerId): Entry {
    const entry = this.entries.get(id);
    if (entry !== undefined) return entry;
    const known = [...this.entries.keys()].join(", ") || "none";
    throw new PrecopyError(
      "unknown-name",
      `domain ${id} is not scheduled here; there are: ${known}`,
    );
  }
}

/**
 * Whoever reaches its bound at the lowest CPUs per unit of weight is served first: if its fair
 * part of what is left covers the bound it takes the bound, and nobody served later has less
 * room for that.
 */
function waterFill(capacityCpus: number, entries: readonly Entry[]): Map<SchedulerId, number> {
  const shares = new Map<SchedulerId, number>();
  const runnable: { entry: Entry; boundCpus: number }[] = [];
  let weightLeft = 0;
  for (const entry of entries) {
    shares.set(entry.id, 0);
    const capCpus = entry.cap === 0 ? Number.POSITIVE_INFINITY : entry.cap / 100;
    const boundCpus = Math.min(entry.demandCpus, entry.vcpus, capCpus);
    if (boundCpus === 0) continue;
    runnable.push({ entry, boundCpus });
    weightLeft += entry.weight;
  }
  // Array.sort is stable: domains that tie keep their order.
  runnable.sort((a, b) => a.boundCpus * b.entry.weight - b.boundCpus * a.entry.weight);
  let cpusLeft = capacityCpus;
  for (const { entry, boundCpus } of runnable) {
    const fairCpus =
      weightLeft === entry.weight ? cpusLeft : (cpusLeft * entry.weight) / weightLeft;
    const share = Math.min(boundCpus, fairCpus);
    shares.set(entry.id, share);
    cpusLeft -= share;
    weightLeft -= entry.weight;
  }
  return shares;
}

function changed(entry: Entry, settings: CreditSettings): Entry {
  const { id, vcpus } = entry;
  const weight = settings.weight ?? entry.weight;
  const cap = settings.cap ?? entry.cap;
  const demandCpus = settings.demandCpus ?? entry.demandCpus;
  checkInteger(`the weight of domain ${id}`, weight, CREDIT_MIN_WEIGHT, CREDIT_MAX_WEIGHT);
  checkInteger(`the cap of domain ${id} (percent of one CPU, 0 = none)`, cap, 0, 100 * vcpus);
  if (!(demandCpus >= 0 && demandCpus <= vcpus)) {
    throw new PrecopyError(
      "bad-input",
      `the CPU demand of domain ${id} is ${demandCpus} CPUs: give 0 to ${vcpus}, its VCPUs`,
    );
  }
  return { id, vcpus, weight, cap, demandCpus };
}

function checkInteger(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new PrecopyError("bad-input", `${what}: ${value} is not an integer from ${min} to ${max}`);
}
