/** Writers that wait until a transport has room for more, and hear of it in order. */
import { closedError } from "./transport.js";

export class RoomWaiters {
  private waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /** Resolves at the next {@link wake}. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
    });
  }

  /** There is room. */
  wake(): void {
    const woken = this.waiting;
    if (woken.length === 0) return;
    this.waiting = [];
    for (const waiter of woken) waiter.resolve();
  }

  /** There will be none. */
  refuse(description: string, why: string): void {
    const refused = this.waiting;
    this.waiting = [];
    for (const waiter of refused) waiter.reject(closedError(description, why));
  }
}
