/**
 * Slow model of pre-paging with bubbling (Hines & Gopalan, VEE 2009, section 3.3): a bubble of each
 * recent fault grows outwards page by page over what is still to be sent; it ends at the last
 * pages that were sent for it.
 */
export class SlowBubbles {
  private bubbles = [{ pivot: 0, low: 0, high: 0 }];
  private turn = 0;

  constructor(
    private readonly order: "bubbling" | "forward" | "ascending",
    private readonly pivots: number,
    private readonly pages: number,
  ) {}

  fault(pivot: number): void {
    if (this.order === "ascending") return;
    this.bubbles = [...this.bubbles, { pivot, low: pivot, high: pivot }].slice(-this.pivots);
  }

  /** The next batch out of `owed`; a bubble reaches from low to high - 1. */
  take(owed: ReadonlySet<number>, pagesMax: number): number[] {
    for (let tries = 0; tries < this.bubbles.length; tries++) {
      const bubble = this.bubbles[this.turn++ % this.bubbles.length]!;
      const batch: number[] = [];
      for (let step = 0; step < this.pages && batch.length < pagesMax; step++) {
        const above = bubble.pivot + step;
        if (above >= bubble.high && owed.has(above)) {
          batch.push(above);
          bubble.high = above + 1;
        }
        if (batch.length === pagesMax) break;
        const below = bubble.pivot - step;
        if (this.order === "bubbling" && below < bubble.low && owed.has(below)) {
          batch.push(below);
          bubble.low = below;
        }
      }
      if (batch.length > 0) return batch;
    }
    return [...owed].sort((a, b) => a - b).slice(0, pagesMax);
  }
}
