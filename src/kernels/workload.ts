/**
 * Synthetic workloads: the accesses of one component, drawn inside Wasm from a seeded stream.
 * Kernels: assembly/workload.ts (which states the order of draws), zipf.ts. A guest with several
 * behaviours runs several components in turn.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { mix32, seedState } from "../base/random.js";
import type { GuestPages } from "./guest-pages.js";
import { type Kernels, roundUp } from "./kernels.js";
import { PAGES_MAX, type PageBitmap } from "./page-bitmap.js";
import type { Pointer } from "./raw-exports.js";

const HEADER_BYTES = 64;
/** s0 .. s3 and the cursor: what moves as accesses are drawn. */
const STATE_WORDS = 5;

interface Component {
  readonly firstPage: number;
  readonly pages: number;
  /** Share of the accesses that write, 0 .. 1 (default 1). */
  readonly writeFraction?: number;
}

/** One component. All pages of it are firstPage .. firstPage + pages - 1. */
export type WorkloadSpec =
  | ({ readonly kind: "uniform" } & Component)
  /** Page of rank k has weight k^-exponent (exponent >= 0); ranks are scattered by the seed. */
  | ({ readonly kind: "zipf"; readonly exponent: number } & Component)
  /** The first hotPages pages get hotFraction of the accesses, the others share the rest. */
  | ({
      readonly kind: "hot-cold";
      readonly hotPages: number;
      readonly hotFraction: number;
    } & Component)
  | ({ readonly kind: "sequential" } & Component);

export class Workload {
  static bytesFor(spec: WorkloadSpec): number {
    return roundUp(HEADER_BYTES + (spec.kind === "zipf" ? spec.pages * 8 : 0), 64);
  }

  static create(kernels: Kernels, spec: WorkloadSpec, seed: number): Workload {
    checkSpec(spec);
    const ptr = kernels.allocate(Workload.bytesFor(spec), `${spec.kind} workload`);
    const known = kernels.control.configureWorkload(
      ptr,
      spec.kind,
      spec.firstPage,
      spec.pages,
      spec.kind === "hot-cold" ? spec.hotPages : 0,
      hotShare(spec),
      spec.writeFraction ?? 1,
    );
    assert(known !== 0, `the kernels know the workload ${spec.kind}`);
    seedState(kernels.u32(ptr, 4), seed);
    if (spec.kind === "zipf") {
      kernels.raw.zipfBuild(ptr + HEADER_BYTES, spec.pages, spec.exponent, mix32(seed));
    }
    return new Workload(kernels, ptr, spec);
  }

  private constructor(
    readonly kernels: Kernels,
    readonly ptr: Pointer,
    readonly spec: WorkloadSpec,
  ) {}

  /** Draws `accesses` accesses and applies them to the guest at time `nowTicks`. */
  run(guest: GuestPages, accesses: number, nowTicks: number): void {
    this.checkFits(guest.pages);
    const { raw, batchAccessesMax } = this.kernels;
    for (let left = accesses; left > 0; left -= batchAccessesMax) {
      raw.workloadRun(this.ptr, guest.ptr, Math.min(left, batchAccessesMax), nowTicks);
    }
  }

  /**
   * Like {@link run} up to the first access to an absent page, which does not take effect; returns
   * the accesses made. Fewer than asked for: `guest.fault` says which page is missing, and the next
   * call begins with that same access.
   */
  runUntilAbsent(guest: GuestPages, accesses: number, nowTicks: number): number {
    this.checkFits(guest.pages);
    guest.checkTracksAbsent();
    const { raw, batchAccessesMax } = this.kernels;
    let done = 0;
    while (done < accesses) {
      const count = Math.min(accesses - done, batchAccessesMax);
      const made = raw.workloadRunUntilAbsent(this.ptr, guest.ptr, count, nowTicks);
      done += made;
      if (made < count) break;
    }
    return done;
  }

  /** A copy of the stream as it stands: it foretells what {@link run} will do. */
  fork(): WorkloadFork {
    return new WorkloadFork(this, this.state().slice());
  }

  /** @internal The live words of the stream's state. */
  state(): Uint32Array {
    return this.kernels.u32(this.ptr, STATE_WORDS);
  }

  /** @internal */
  checkFits(pages: number): void {
    const end = this.spec.firstPage + this.spec.pages;
    assert(end <= pages, `the workload's pages end at ${end}, within ${pages}`);
  }
}

/** The stream of a {@link Workload} at the moment of its fork, run ahead on its own. */
export class WorkloadFork {
  constructor(
    private readonly workload: Workload,
    private readonly ahead: Uint32Array,
  ) {}

  /** Draws the next `accesses` accesses and adds the pages that they write to `out`. */
  runMarking(accesses: number, out: PageBitmap): void {
    this.workload.checkFits(out.pages);
    const { raw, batchAccessesMax } = this.workload.kernels;
    const state = this.workload.state();
    const present = state.slice();
    state.set(this.ahead);
    for (let left = accesses; left > 0; left -= batchAccessesMax) {
      raw.workloadMark(this.workload.ptr, Math.min(left, batchAccessesMax), out.ptr);
    }
    this.ahead.set(state);
    state.set(present);
  }
}

/** Share of the hot pages; certain at the ends, where one of the two sets is empty. */
function hotShare(spec: WorkloadSpec): number {
  if (spec.kind !== "hot-cold") return 0;
  return spec.hotPages === spec.pages ? 1 : spec.hotFraction;
}

function checkSpec(spec: WorkloadSpec): void {
  checkInteger("firstPage", spec.firstPage, 0, PAGES_MAX - 1);
  checkInteger("pages", spec.pages, 1, PAGES_MAX - spec.firstPage);
  checkRange("writeFraction", spec.writeFraction ?? 1, 0, 1);
  if (spec.kind === "zipf") checkRange("exponent", spec.exponent, 0, Number.MAX_VALUE);
  if (spec.kind === "hot-cold") {
    checkInteger("hotPages", spec.hotPages, 1, spec.pages);
    checkRange("hotFraction", spec.hotFraction, 0, 1);
  }
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new PrecopyError(
    "bad-input",
    `the workload's ${name} is ${value} and has to be an integer from ${min} to ${max}`,
  );
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new PrecopyError(
    "bad-input",
    `the workload's ${name} is ${value} and has to be a number from ${min} to ${max}`,
  );
}
