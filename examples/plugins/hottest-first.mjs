/**
 * A plug-in that adds a predictor: the pages that were written in the most ticks so far are the
 * working set, most often first. It knows nothing of age, so it is good for steady guests and
 * slow to notice that a guest has moved on.
 *
 *     precopy run examples/seed.yaml -s pre-copy+hottest-first --plugin examples/plugins/hottest-first.mjs
 *
 * The interface is WorkingSetPredictor (src/workingset/predictor.ts). It is asked between rounds,
 * not for every page, so plain arrays do; the package's own predictors keep theirs in Wasm.
 */
export default function register(registry) {
  registry.addPredictor({
    name: "hottest-first",
    summary: "the pages written in the most ticks",
    source: "an example",
    params: {
      // Every sampling predictor has these two, written as pre-copy+hottest-first:tick=100ms.
      tick: { kind: "duration", default: 200_000_000, help: "guest time between two samples" },
      warmup: { kind: "integer", default: 5, min: 0, max: 10_000, help: "samples before round 1" },
      least: { kind: "integer", default: 2, min: 1, max: 65_535, help: "ticks to count as hot" },
    },
    // "writes": it has to be shown the dirty log, and nothing else.
    evidence: () => "writes",
    // It takes nothing from the arena that the kernels work in.
    arenaBytes: () => 0,
    create: ({ pages }, params) => new HottestFirst(pages, params),
  });
}

class HottestFirst {
  evidence = "writes";
  windowNs = 0;

  constructor(pages, { tick, warmup, least }) {
    this.tickNs = tick;
    this.warmupTicks = warmup;
    this.least = least;
    this.counts = new Uint16Array(pages);
    this.writtenNow = new Uint8Array(pages);
  }

  /** Pages written since the last call; several calls may come in one tick. */
  observe(used) {
    for (let page = used.nextSet(0); page >= 0; page = used.nextSet(page + 1)) {
      this.writtenNow[page] = 1;
    }
  }

  /** A tick ends: a page counts once in it, however often it was written. */
  tick() {
    for (let page = 0; page < this.counts.length; page++) {
      if (this.writtenNow[page] === 1 && this.counts[page] < 65_535) this.counts[page]++;
    }
    this.writtenNow.fill(0);
  }

  /** Puts at most `pagesMax` pages into `out`, the hottest first; returns how many. */
  select(pagesMax, _virtualNs, out) {
    out.reset();
    const hot = [];
    for (let page = 0; page < this.counts.length; page++) {
      if (this.counts[page] >= this.least) hot.push(page);
    }
    // Equal counts keep the order of page numbers: one seed has to give one result.
    hot.sort((a, b) => this.counts[b] - this.counts[a] || a - b);
    const kept = hot.slice(0, pagesMax);
    for (const page of kept) out.set(page);
    return kept.length;
  }

  /** What it decided by itself, for the report. */
  describe() {
    return {};
  }
}
