/**
 * Samples the guest for a predictor: at every tick the log is read (and with it `owed` brought up
 * to date), the accessed bits if the predictor wants those, and the predictor's clock moves on.
 * Ticks run from the pre-processing phase until the guest pauses. The readings at round ends reach
 * the predictor as R bits only: rounds may be milliseconds apart, and ages must not follow that.
 */
import { assert } from "../base/assert.js";
import { PageBitmap } from "../kernels/index.js";
import type { WorkingSetPredictor } from "../workingset/index.js";
import type { MigrationEvent } from "./messages.js";
import type { PageMover } from "./page-mover.js";

export interface SamplerListener {
  /** A tick read the log. */
  seen(pages: PageBitmap): void;
  /** The predictor's clock moved on: it may choose otherwise now. */
  ticked(nowNs: number): void;
}

/** What a choice is made for. */
export interface Choice {
  readonly pagesMax: number;
  readonly nowNs: number;
  /** How long the coming round is expected to take. */
  readonly roundNs: number;
}

export class Sampler {
  /** Pages held back: what `select` last chose. */
  readonly held: PageBitmap;
  private readonly evidence: PageBitmap;
  private running = false;
  private warmupLeft = 0;
  private whenWarm: ((nowNs: number) => void) | undefined;
  private virtualNs = 0;

  constructor(
    private readonly mover: PageMover,
    private readonly predictor: WorkingSetPredictor,
    private readonly listener: SamplerListener,
  ) {
    this.held = PageBitmap.create(mover.kernels, mover.pages, "held back");
    this.evidence = PageBitmap.create(mover.kernels, mover.pages, "evidence");
  }

  static arenaBytes(pages: number): number {
    return 2 * PageBitmap.bytesFor(pages);
  }

  /** Starts ticking; `warm` is called after the predictor's warm-up, at once if it has none. */
  start(nowNs: number, warm: (nowNs: number) => void): void {
    this.running = true;
    this.warmupLeft = this.predictor.warmupTicks;
    this.whenWarm = warm;
    if (this.predictor.tickNs > 0) this.armTimer(nowNs);
    this.finishWarmup(nowNs);
  }

  stop(): void {
    this.running = false;
  }

  /** A round's end: the log was read into `owed`; R bits are set, ages stay. */
  roundEnded(pages: PageBitmap, virtualNs: number): void {
    this.virtualNs = virtualNs;
    if (this.predictor.evidence === "writes") this.predictor.observe(pages);
  }

  /** Chooses what to hold back, at most `pagesMax` pages, and calls `then` with how many. */
  choose(choice: Choice, then: (held: number, nowNs: number) => void): void {
    const { pagesMax, nowNs, roundNs } = choice;
    const { evidence } = this.predictor;
    if (evidence === "none" || pagesMax === 0) {
      this.held.reset();
      then(0, nowNs);
    } else if (this.isTold) {
      assert(evidence === "last-use" || evidence === "future", "only these are told");
      const window = { windowNs: this.predictor.windowNs || roundNs, pagesMax };
      this.mover.sample(evidence, window, this.evidence, (event) => {
        this.predictor.observe(this.evidence);
        then(this.predictor.select(pagesMax, event.virtualNs, this.held), event.atNs);
      });
    } else {
      then(this.predictor.select(pagesMax, this.virtualNs, this.held), nowNs);
    }
  }

  /** Told predictors learn nothing from the log; they are asked anew at every choice. */
  private get isTold(): boolean {
    const { evidence } = this.predictor;
    return evidence === "last-use" || evidence === "future";
  }

  private armTimer(nowNs: number): void {
    const atNs = nowNs + this.predictor.tickNs;
    this.mover.requests.request({ kind: "set-timer", atNs }, (event) => {
      if (this.running) this.takeSample(event.atNs);
    });
  }

  private takeSample(nowNs: number): void {
    this.armTimer(nowNs);
    this.mover.harvest((pages, event) => {
      this.listener.seen(pages);
      if (this.predictor.evidence !== "references") {
        if (!this.isTold) this.predictor.observe(pages);
        this.tick(event);
        return;
      }
      const all = { windowNs: 0, pagesMax: this.mover.pages };
      this.mover.sample("references", all, this.evidence, (sampled) => {
        this.predictor.observe(this.evidence);
        this.tick(sampled);
      });
    });
  }

  private tick(event: MigrationEvent & { virtualNs: number }): void {
    this.virtualNs = event.virtualNs;
    this.predictor.tick(event.virtualNs);
    this.warmupLeft--;
    if (this.running) this.listener.ticked(event.atNs);
    this.finishWarmup(event.atNs);
  }

  private finishWarmup(nowNs: number): void {
    const warm = this.whenWarm;
    if (warm === undefined || this.warmupLeft > 0) return;
    this.whenWarm = undefined;
    warm(nowNs);
  }
}
