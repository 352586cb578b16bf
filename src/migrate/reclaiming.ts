/**
 * Taking memory back from the guest in the initialisation stage: its active share is sampled if the
 * reclaim asks for it, the balloon inflates, and what the guest gave up need not be sent. The log is
 * on before, so a page that the guest takes back is in it, and owed, like any page written.
 */
import { assert } from "../base/assert.js";
import { Random } from "../base/random.js";
import { PageBitmap } from "../kernels/index.js";
import type { MemoryFacts, Reclaim, Sampling } from "../policy/reclaim.js";
import type { MigrationEvent } from "./messages.js";
import type { PageMover, Requests } from "./page-mover.js";

/** What tells the target of a run of pages that hold nothing: its start and length. */
const EMPTY_RUN_BYTES = 16;

export interface ReclaimingParts {
  readonly reclaim: Reclaim;
  readonly mover: PageMover;
  readonly requests: Requests;
  readonly config: MemoryFacts & { readonly seed: number };
}

export class Reclaiming {
  readonly reclaim: Reclaim;
  /** Pages that the guest gave up. */
  givenPages = 0;
  private readonly given: PageBitmap;
  private readonly random: Random;

  constructor(private readonly parts: ReclaimingParts) {
    const { mover, config } = parts;
    this.reclaim = parts.reclaim;
    this.given = PageBitmap.create(mover.kernels, mover.pages, "given up");
    this.random = new Random(config.seed);
  }

  static arenaBytes(pages: number): number {
    return PageBitmap.bytesFor(pages);
  }

  /** The log is on: `done` when the guest has given up what is asked of it. */
  start(event: { atNs: number; virtualNs: number }, done: (nowNs: number) => void): void {
    const { sampling } = this.parts.reclaim;
    if (sampling === undefined) this.inflate(event.atNs, done);
    else this.sample(event, sampling, { left: sampling.periods, done });
  }

  /** The target is there and hears which pages hold nothing; returns the bytes that it takes. */
  tellTarget(): number {
    if (this.givenPages === 0) return 0;
    const bytes = this.given.runCount() * EMPTY_RUN_BYTES;
    const frame = { region: "ram", slot: -1, pageCount: 0, urgent: false } as const;
    const { requests } = this.parts;
    requests.request({ kind: "send", what: "control", bytes, ...frame }, () => {});
    requests.tell({ kind: "tell-empty", region: "ram", pages: this.given });
    return bytes;
  }

  describe(): Record<string, number | string> {
    return { ...this.parts.reclaim.describe(), givenPages: this.givenPages };
  }

  private sample(
    from: { atNs: number; virtualNs: number },
    sampling: Sampling,
    rest: { left: number; done: (nowNs: number) => void },
  ): void {
    if (rest.left === 0) return this.inflate(from.atNs, rest.done);
    const { reclaim, mover, requests } = this.parts;
    const atNs = from.atNs + sampling.periodNs;
    requests.request({ kind: "set-timer", atNs }, (over) => {
      assert(over.kind === "timer", "a timer is answered by timer");
      // At least a tick of the guest's clock, for a guest that hardly ran.
      const windowNs = Math.max(1000, over.virtualNs - from.virtualNs);
      const window = { windowNs, pagesMax: mover.pages };
      mover.sample("last-use", window, this.given, () => {
        reclaim.sampled(this.usedOf(sampling.pages), sampling.pages);
        this.sample(over, sampling, { left: rest.left - 1, done: rest.done });
      });
    });
  }

  /** How many of so many pages drawn at random are in the sample. */
  private usedOf(pages: number): number {
    let used = 0;
    for (let i = 0; i < pages; i++) {
      if (this.given.has(this.random.below(this.given.pages))) used++;
    }
    return used;
  }

  private inflate(nowNs: number, done: (nowNs: number) => void): void {
    const { reclaim, mover, requests, config } = this.parts;
    const into = this.given;
    const wanted = reclaim.pagesToReclaim(config);
    assert(wanted >= 0 && wanted <= mover.pages, `${wanted} pages are at most ${mover.pages}`);
    into.reset();
    if (wanted === 0) return done(nowNs);
    const answer = (event: MigrationEvent) => {
      assert(event.kind === "harvested", "a balloon is answered by harvested");
      this.givenPages = event.count;
      mover.owed.andNot(into);
      done(event.atNs);
    };
    requests.request({ kind: "balloon", pages: wanted, into }, answer);
  }
}
