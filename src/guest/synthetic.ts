/**
 * Synthetic guests: a mixture of access patterns, each at its own rate, some of them only in
 * their phase of a cycle. How many accesses fall into a slice follows from guest time alone, so
 * that the same run cut into other slices makes the same accesses.
 */
import { PrecopyError } from "../base/errors.js";
import { Random } from "../base/random.js";
import {
  type GuestPages,
  type Kernels,
  type PageBitmap,
  Workload,
  type WorkloadSpec,
} from "../kernels/index.js";
import { type GuestActivity, lastInstantBefore, partBounds, ticksAt } from "./guest-activity.js";

/** A part of a cycle in which a component is active: [startNs, endNs) of every periodNs. */
export interface Phase {
  readonly periodNs: number;
  readonly startNs: number;
  readonly endNs: number;
}

export interface SyntheticComponent {
  readonly pattern: WorkloadSpec;
  /** Page accesses a second of guest time. */
  readonly accessesPerSec: number;
  readonly phase?: Phase;
}

export interface SyntheticSpec {
  readonly components: readonly SyntheticComponent[];
}

/** A component, and how far it has come. */
interface Running extends SyntheticComponent {
  readonly workload: Workload;
  atNs: number;
  /** Accesses made beyond those that are due at `atNs`: after a stop among several in one ns. */
  ahead: number;
}

export class SyntheticActivity implements GuestActivity {
  readonly hasReads: boolean;
  private readonly components: readonly Running[];

  constructor(kernels: Kernels, spec: SyntheticSpec, options: { pages: number; seed: number }) {
    const random = new Random(options.seed);
    this.components = spec.components.map((component, i) => {
      checkComponent(component, options.pages);
      const seed = random.fork(i).next();
      const workload = Workload.create(kernels, component.pattern, seed);
      return { ...component, workload, atNs: 0, ahead: 0 };
    });
    this.hasReads = spec.components.some((c) => (c.pattern.writeFraction ?? 1) < 1);
  }

  static arenaBytes(spec: SyntheticSpec): number {
    return spec.components.reduce((sum, c) => sum + Workload.bytesFor(c.pattern), 0);
  }

  get streams(): number {
    return this.components.length;
  }

  run(guest: GuestPages, fromNs: number, toNs: number): void {
    for (let i = 0; i < this.components.length; i++) this.runStream(i, guest, fromNs, toNs);
  }

  runStream(
    stream: number,
    guest: GuestPages,
    fromNs: number,
    toNs: number,
    nowTicks = ticksAt(toNs),
  ): number {
    const component = this.components[stream] as Running;
    const { workload } = component;
    const count = accessesBetween(component, fromNs, toNs) - component.ahead;
    component.atNs = toNs;
    component.ahead = Math.max(0, -count);
    if (count <= 0) return toNs;
    if (!guest.faulting) {
      workload.run(guest, count, nowTicks);
      return toNs;
    }
    const missing = count - workload.runUntilAbsent(guest, count, nowTicks);
    if (missing === 0) return toNs;
    const made = accessesUntil(component, toNs) - missing;
    const isPast = (ns: number) => accessesUntil(component, ns) > made;
    component.atNs = lastInstantBefore(fromNs, toNs, isPast);
    component.ahead = made - accessesUntil(component, component.atNs);
    return component.atNs;
  }

  lookAhead(parts: readonly PageBitmap[], fromNs: number, toNs: number): void {
    for (const component of this.components) {
      const { atNs } = component;
      const bounds = partBounds(atNs, atNs + toNs - fromNs, parts.length);
      const fork = component.workload.fork();
      let { ahead } = component;
      parts.forEach((part, i) => {
        const [from, to] = [bounds[i] as number, bounds[i + 1] as number];
        const count = accessesBetween(component, from, to) - ahead;
        ahead = Math.max(0, -count);
        if (count > 0) fork.runMarking(count, part);
      });
    }
  }
}

/** Accesses of a component in (fromNs, toNs]: a difference of whole numbers, so none is lost. */
export function accessesBetween(
  component: SyntheticComponent,
  fromNs: number,
  toNs: number,
): number {
  return accessesUntil(component, toNs) - accessesUntil(component, fromNs);
}

function accessesUntil({ accessesPerSec, phase }: SyntheticComponent, atNs: number): number {
  const activeNs = phase === undefined ? atNs : activeUntil(phase, atNs);
  return Math.floor((accessesPerSec * activeNs) / 1e9);
}

function activeUntil({ periodNs, startNs, endNs }: Phase, atNs: number): number {
  const cycles = Math.floor(atNs / periodNs);
  const within = atNs - cycles * periodNs;
  return cycles * (endNs - startNs) + Math.min(Math.max(within - startNs, 0), endNs - startNs);
}

function checkComponent({ pattern, accessesPerSec, phase }: SyntheticComponent, pages: number) {
  const end = pattern.firstPage + pattern.pages;
  if (pattern.firstPage < 0 || pattern.pages < 1 || end > pages) {
    throw new PrecopyError(
      "bad-input",
      `a ${pattern.kind} pattern covers pages ${pattern.firstPage} to ${end - 1}, the guest has pages 0 to ${pages - 1}`,
    );
  }
  if (!(accessesPerSec >= 0 && accessesPerSec <= 1e9)) {
    throw new PrecopyError(
      "bad-input",
      `a ${pattern.kind} pattern makes ${accessesPerSec} accesses a second: the rate must be from 0 to 1e9`,
    );
  }
  if (
    phase &&
    !(phase.startNs >= 0 && phase.startNs < phase.endNs && phase.endNs <= phase.periodNs)
  ) {
    throw new PrecopyError(
      "bad-input",
      `a phase from ${phase.startNs} to ${phase.endNs} ns does not lie within its period of ${phase.periodNs} ns`,
    );
  }
}
