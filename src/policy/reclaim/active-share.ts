/**
 * The active share of a guest's memory by statistical sampling (Waldspurger, OSDI 2002, section 5):
 * in each period a few pages drawn at random are watched, and the share of them that is used
 * estimates the share in use of all. Three exponentially weighted moving averages are kept, slow,
 * fast and current, and their maximum counts, so that the estimate rises at once and falls slowly
 * (recalled, not verified). The gains are this project's: the paper's are not known to it.
 */
import { assert } from "../../base/assert.js";

const SLOW_GAIN = 1 / 8;
const FAST_GAIN = 1 / 2;

export class ActiveShare {
  private slow = 1;
  private fast = 1;
  private current = 1;
  private periods = 0;

  /** A period is over: of so many random pages so many were used in it. */
  sampled(used: number, of: number): void {
    assert(of > 0 && used >= 0 && used <= of, `${used} of ${of} sampled pages were used`);
    this.current = used / of;
    if (this.periods++ === 0) {
      this.slow = this.current;
      this.fast = this.current;
      return;
    }
    this.slow += SLOW_GAIN * (this.current - this.slow);
    this.fast += FAST_GAIN * (this.current - this.fast);
  }

  /** From 0 to 1; 1 before the first period is over. */
  get value(): number {
    return Math.max(this.slow, this.fast, this.current);
  }
}
