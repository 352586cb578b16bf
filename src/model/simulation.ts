/**
 * A simulation: hosts, network and migrations on one event queue in virtual time. It can run by
 * itself, or be driven by another simulator that owns the clock (`nextEventNs`, `advanceTo`).
 */
import { AssertionError, assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { EventQueue } from "../base/event-queue.js";
import { RunningHash } from "../base/hash.js";
import { mix32 } from "../base/random.js";
import { Trace } from "../guest/trace.js";
import { Kernels, type KernelsOptions } from "../kernels/index.js";
import type { Command, MigrationEvent } from "../migrate/messages.js";
import { Migration, type MigrationState } from "../migrate/migration.js";
import type { MigrationConfig } from "../migrate/migration-config.js";
import { Registry } from "../migrate/registry.js";
import type { AdmissionPhase, AdmissionRule } from "../policy/admission.js";
import type { FrameTag } from "./frame-sender.js";
import { type DriverWorld, MigrationDriver } from "./migration-driver.js";
import type { MigrationResult } from "./migration-result.js";
import { ModelGuest } from "./model-guest.js";
import { Network } from "./network.js";
import { Outages } from "./outages.js";
import { Routes } from "./route.js";
import { admissionOf, arenaFor, guestKeeps, resolveConfigs } from "./setup.js";
import {
  type DomainSpec,
  type MigrationSpec,
  SIMULATION_NS_MAX,
  type SimulationSpec,
} from "./spec.js";
import { WaitingMigrations } from "./waiting.js";
import { XenHost } from "./xen-host.js";

/** Version of the form of {@link SimulationResult}. */
export const SCHEMA_VERSION = 2;

export interface SimulationOptions {
  readonly registry?: Registry;
  /** Which kernels to run on; by default the ones that come along, SIMD where it validates. */
  readonly kernels?: Omit<KernelsOptions, "arenaBytes">;
  /** Sees every message between engine and machines. */
  readonly observe?: (guest: string, message: Command | MigrationEvent) => void;
  /** Stops the run; migrations that have not committed are cancelled. */
  readonly signal?: AbortSignal;
}

export interface SimulationResult {
  readonly schemaVersion: number;
  readonly seed: number;
  /** Two runs with the same hash made the same events at the same instants. */
  readonly eventLogHash: string;
  /** From the start of the first migration to the end of the last. */
  readonly makespanNs: number;
  readonly migrations: readonly MigrationResult[];
}

/** Steps between two pauses of `run`: about a tenth of a second of a large guest. */
const STEPS_A_BREATH = 64;

/** Where a migration stands; can be sent to a worker or drawn. */
export interface MigrationProgress {
  readonly guest: string;
  readonly name: string;
  readonly state: MigrationState;
  readonly round: number;
  readonly pages: number;
  readonly pagesSent: number;
  readonly bytesSent: number;
  readonly owedPages: number;
}

/** A structured-cloneable picture of a simulation, and enough to come back to it. */
export interface SimulationSnapshot {
  readonly spec: SimulationSpec;
  readonly nowNs: number;
  readonly eventLogHash: string;
  readonly progress: readonly MigrationProgress[];
}

export class Simulation {
  readonly network = new Network<FrameTag>();
  readonly hosts = new Map<string, XenHost>();
  private readonly queue = new EventQueue<(nowNs: number) => void>();
  private readonly hash = new RunningHash();
  private readonly guests = new Map<string, ModelGuest>();
  private readonly drivers: MigrationDriver[] = [];
  private readonly configs: readonly MigrationConfig[];
  private readonly kernels: Kernels;
  private readonly routes: Routes;
  private readonly admission: AdmissionRule;
  private readonly waiting: WaitingMigrations;
  private readonly outages: Outages;
  /** By number; a migration whose start time has not come has no driver. */
  private readonly active = new Map<number, MigrationDriver | undefined>();
  /** Numbers of those that are past their bulk phase, or were. */
  private readonly past = new Set<number>();
  private currentNs = 0;
  private disposed = false;

  /** Loads the kernels with an arena for all of `spec` and sets everything up. */
  static async create(spec: SimulationSpec, options: SimulationOptions = {}): Promise<Simulation> {
    const configs = resolveConfigs(spec, options.registry ?? Registry.standard());
    const arenaBytes = arenaFor(spec, configs);
    const kernels = await Kernels.load({ ...options.kernels, arenaBytes });
    return new Simulation(spec, options, kernels, configs);
  }

  /** Comes back to where a snapshot was taken, by running the same simulation up to there. */
  static async restore(
    snapshot: SimulationSnapshot,
    options: SimulationOptions = {},
  ): Promise<Simulation> {
    const simulation = await Simulation.create(reviveTraces(snapshot.spec), options);
    simulation.advanceTo(snapshot.nowNs);
    if (simulation.hash.digest() !== snapshot.eventLogHash) {
      throw new PrecopyError(
        "bad-input",
        `the snapshot's event log is ${snapshot.eventLogHash}, this run's ${simulation.hash.digest()}: it was taken by another version or with other plug-ins`,
      );
    }
    return simulation;
  }

  private constructor(
    readonly spec: SimulationSpec,
    private readonly options: SimulationOptions,
    kernels: Kernels,
    configs: readonly MigrationConfig[],
  ) {
    this.kernels = kernels;
    this.configs = configs;
    for (const host of spec.hosts) this.hosts.set(host.name, new XenHost(host));
    for (const link of spec.links) this.network.addLink(link);
    const { queue, network, drivers } = this;
    this.outages = new Outages({ links: spec.links, queue, network, drivers });
    spec.domains.forEach((domain, i) => {
      this.addDomain(domain, i);
    });
    this.routes = new Routes(spec);
    const registry = options.registry ?? Registry.standard();
    this.admission = registry.resolveAdmission(admissionOf(spec));
    this.waiting = new WaitingMigrations({ spec, rule: this.admission, hosts: this.hosts });
    this.admit(0);
    for (const startNs of this.waiting.startTimesNs()) {
      if (startNs > 0) this.queue.schedule(startNs, (nowNs) => this.admit(nowNs));
    }
  }

  get nowNs(): number {
    return this.currentNs;
  }

  get ended(): boolean {
    if (this.active.size > 0 || this.waiting.count > 0) return false;
    return this.drivers.every(({ settling }) => !settling);
  }

  /** When the next thing happens, Infinity when everything has ended. */
  nextEventNs(): number {
    if (this.ended || this.disposed) return Number.POSITIVE_INFINITY;
    return Math.min(this.queue.nextNs(), this.network.nextEventNs());
  }

  /** Runs everything up to and including `nowNs`. Time never goes back. */
  advanceTo(nowNs: number): void {
    if (this.disposed) throw new PrecopyError("bad-input", "the simulation was disposed of");
    if (nowNs < this.currentNs) {
      throw new PrecopyError(
        "bad-input",
        `time cannot go back to ${nowNs} ns: the simulation is at ${this.currentNs} ns`,
      );
    }
    for (let next = this.nextEventNs(); next <= nowNs; next = this.nextEventNs()) this.step(next);
    if (!this.ended && Number.isFinite(nowNs)) {
      this.network.advanceTo(nowNs);
      this.currentNs = nowNs;
    }
  }

  /** Runs to the end. `pause` is awaited now and then, so that a caller can breathe and cancel. */
  async run(pause?: () => Promise<void>): Promise<SimulationResult> {
    const { signal } = this.options;
    for (let steps = 1; !this.ended; steps++) {
      if (signal?.aborted) this.cancelAll("cancelled");
      if (this.ended) break;
      const next = this.nextEventNs();
      assert(Number.isFinite(next), "a migration that has not ended has a timer");
      this.step(next);
      if (pause !== undefined && steps % STEPS_A_BREATH === 0) await pause();
    }
    return this.result();
  }

  /** Cancels what runs and what waits; a migration past its commit point goes on to its end. */
  cancelAll(reason: string): void {
    this.waiting.clear();
    for (const driver of this.drivers) driver.cancel(this.currentNs, reason);
  }

  /** Cancels the migration of one guest, and its further ones. */
  cancel(guest: string, reason = "cancelled"): void {
    const index = this.spec.migrations.findIndex((migration) => migration.domain === guest);
    if (index < 0) throw new PrecopyError("unknown-name", `no migration moves a guest "${guest}"`);
    this.waiting.drop(guest);
    for (const driver of this.drivers) {
      if (driver.engine.config.guest === guest) driver.cancel(this.currentNs, reason);
    }
  }

  progress(): MigrationProgress[] {
    return this.drivers.map(({ engine }) => ({
      guest: engine.config.guest,
      name: engine.config.name,
      state: engine.state,
      round: engine.rounds.length,
      pages: engine.config.pages,
      pagesSent: engine.mover.totals.pagesSent,
      bytesSent: engine.mover.totals.bytes,
      owedPages: engine.mover.owed.count(),
    }));
  }

  snapshot(): SimulationSnapshot {
    return {
      spec: this.spec,
      nowNs: this.currentNs,
      eventLogHash: this.hash.digest(),
      progress: this.progress(),
    };
  }

  result(): SimulationResult {
    assert(this.ended, "the result is there when every migration has ended");
    const migrations = this.drivers.map((driver) => driver.result as MigrationResult);
    const startNs = Math.min(...migrations.map((m) => m.startNs));
    const endNs = Math.max(...migrations.map((m) => m.startNs + m.totalNs));
    return {
      schemaVersion: SCHEMA_VERSION,
      seed: this.spec.seed,
      eventLogHash: this.hash.digest(),
      makespanNs: migrations.length === 0 ? 0 : endNs - startNs,
      migrations,
    };
  }

  /** Gives up the kernels' memory. Nothing may be asked of the simulation afterwards. */
  dispose(): void {
    this.disposed = true;
    this.guests.clear();
    this.drivers.length = 0;
  }

  private step(nextNs: number): void {
    if (nextNs > SIMULATION_NS_MAX) {
      throw new PrecopyError(
        "limit",
        "the simulation passed 30 days of virtual time: shorten timeouts",
      );
    }
    this.currentNs = nextNs;
    for (const departure of this.network.advanceTo(nextNs)) {
      const { tag, arrivesNs } = departure;
      if (tag.arrived !== undefined) this.queue.schedule(arrivesNs, tag.arrived);
      tag.departed(nextNs);
    }
    while (this.queue.nextNs() <= nextNs) this.queue.pop()?.value(nextNs);
    if (this.admission.watchesPhases && this.waiting.count > 0) this.watchPhases(nextNs);
  }

  private addDomain(domain: DomainSpec, index: number): void {
    const host = this.hosts.get(domain.host) as XenHost;
    if (!host.memory.reserve(domain.name, domain.pages)) {
      throw new PrecopyError(
        "bad-input",
        `${domain.name} needs ${domain.pages} pages and ${domain.host} has ${host.memory.freePages} free: give the host more memory`,
      );
    }
    const moves = this.configs.filter((config) => config.guest === domain.name);
    const shown = moves.map((config) => config.predictor.evidence(config.predictorParams));
    const guest =
      moves.length === 0
        ? undefined
        : new ModelGuest({
            kernels: this.kernels,
            spec: domain,
            seed: mix32(this.spec.seed ^ mix32(index + 1)),
            contentSeed: this.spec.seed,
            ...guestKeeps(moves),
          });
    if (guest !== undefined && shown.includes("references") && !guest.activity.hasReads) {
      throw new PrecopyError(
        "unsupported",
        `${domain.name} shows no reads, so accessed bits tell nothing more than the log: use bits=write or a trace with reads`,
      );
    }
    if (guest !== undefined) this.guests.set(domain.name, guest);
    host.add(domain, guest, 0);
  }

  /** Starts what the admission rule lets start, each no earlier than its own start time. */
  private admit(nowNs: number): void {
    const phases = new Map<number, AdmissionPhase>();
    for (const [index, driver] of this.active) phases.set(index, phaseOf(driver));
    for (const index of this.waiting.admit(nowNs, phases)) {
      this.active.set(index, undefined);
      const { startNs } = this.spec.migrations[index] as MigrationSpec;
      this.queue.schedule(Math.max(nowNs, startNs), (atNs) => {
        const driver = this.createDriver(index);
        this.active.set(index, driver);
        this.drivers.push(driver);
        driver.start(atNs);
        this.outages.tellWhatIsDown(driver, atNs);
      });
    }
  }

  private watchPhases(nowNs: number): void {
    const before = this.past.size;
    for (const [index, driver] of this.active) {
      if (!this.past.has(index) && phaseOf(driver) === "running") this.past.add(index);
    }
    if (this.past.size > before) this.admit(nowNs);
  }

  private createDriver(index: number): MigrationDriver {
    const spec = this.spec.migrations[index] as MigrationSpec;
    const guest = this.guests.get(spec.domain) as ModelGuest;
    const source = this.hostOf(spec.domain);
    for (const driver of this.drivers) {
      if (driver.engine.config.guest === spec.domain) driver.settle();
    }
    const { hops, latencyNs } = this.routes.between(source.spec.name, spec.to);
    return new MigrationDriver({
      world: this.world(),
      spec,
      engine: new Migration(this.configs[index] as MigrationConfig, this.kernels),
      guest,
      source,
      target: this.hosts.get(spec.to) as XenHost,
      path: hops.map(({ link, reversed }) => ({ link: link.name, reversed })),
      latencyNs,
      ended: ({ result }, nowNs) => {
        this.active.delete(index);
        if (result?.outcome !== "target-runs") this.waiting.drop(spec.domain);
        this.admit(nowNs);
      },
    });
  }

  private world(): DriverWorld {
    return {
      kernels: this.kernels,
      queue: this.queue,
      network: this.network,
      hash: this.hash,
      seed: this.spec.seed,
      repeat: `seed ${this.spec.seed}`,
      observe: this.options.observe ?? (() => {}),
    };
  }

  private hostOf(domain: string): XenHost {
    for (const host of this.hosts.values()) if (host.domains.has(domain)) return host;
    throw new AssertionError(`a domain ${domain} stands on some host`);
  }
}

/** As admission rules see it: past its bulk phase with its first round, or with its last page. */
function phaseOf(driver: MigrationDriver | undefined): AdmissionPhase {
  if (driver === undefined) return "scheduled";
  const { rounds, state, ended, mover } = driver.engine;
  if (ended || rounds.length > 0) return "running";
  const imageAcknowledged = state === "commitment" || state === "activation";
  // In post-copy the bulk follows the switch.
  return imageAcknowledged && mover.owed.count() === 0 ? "running" : "loading";
}

/** A specification that came through structuredClone has traces without their class. */
function reviveTraces(spec: SimulationSpec): SimulationSpec {
  const domains = spec.domains.map((domain) => {
    const { activity } = domain;
    if (activity.kind !== "replay") return domain;
    return { ...domain, activity: { ...activity, trace: Trace.revive(activity.trace) } };
  });
  return { ...spec, domains };
}

/** Runs a whole simulation and returns what it came to. */
export async function simulate(
  spec: SimulationSpec,
  options: SimulationOptions & { readonly pause?: () => Promise<void> } = {},
): Promise<SimulationResult> {
  const simulation = await Simulation.create(spec, options);
  try {
    return await simulation.run(options.pause);
  } finally {
    simulation.dispose();
  }
}
