/**
 * A page's hold on a worker with a guest in it: orders as promises, news as calls. The page itself
 * runs nothing of the guest or of its move.
 */
import { PrecopyError, type PrecopyErrorCode } from "../base/errors.js";
import type { LiveResult } from "../live/live-result.js";
import type {
  BootOptions,
  MigrateOptions,
  News,
  Order,
  ReceiveOptions,
  V86Files,
  WorkerMessage,
} from "./messages.js";

export interface GuestWorkerOptions {
  /** A module worker of this package's web/worker.js, or where that is served. */
  readonly worker: Worker | URL | string;
  readonly v86: V86Files;
  news?(news: News): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class GuestWorker {
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners: ((news: News) => void)[] = [];
  private lastId = 0;

  /** Loads v86 in the worker. Throws PrecopyError `bad-input` when something is not served. */
  static async open(options: GuestWorkerOptions): Promise<GuestWorker> {
    const { worker, v86, news } = options;
    const made = new GuestWorker(
      worker instanceof Worker ? worker : new Worker(worker, { type: "module" }),
    );
    if (news !== undefined) made.onNews(news);
    // A worker of its own has an address of its own.
    const absolute = (url: string) => new URL(url, document.baseURI).href;
    const order = { module: absolute(v86.module), wasm: absolute(v86.wasm) };
    await made.order({ kind: "open", v86: order });
    return made;
  }

  /** Lets each of two workers open connections to the other. */
  static async join(one: GuestWorker, other: GuestWorker): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    await Promise.all([
      one.order({ kind: "join", port: port1 }, [port1]),
      other.order({ kind: "join", port: port2 }, [port2]),
    ]);
  }

  private constructor(private readonly worker: Worker) {
    worker.addEventListener("message", ({ data }: MessageEvent<WorkerMessage>) => this.hear(data));
    worker.addEventListener("error", ({ message }) => {
      this.fail(`the worker failed: ${message ?? "its script could not be loaded"}`);
    });
  }

  onNews(listener: (news: News) => void): void {
    this.listeners.push(listener);
  }

  /** Boots a tiny guest, which runs when this resolves. */
  async boot(options: BootOptions): Promise<void> {
    await this.order({ kind: "boot", options });
  }

  /** Takes guests in from now on, one at a time, from joined workers and from the channel. */
  async receive(options: ReceiveOptions = {}): Promise<void> {
    await this.order({ kind: "receive", options });
  }

  /**
   * Moves the guest away. Resolves with how it ended, whatever that is (`outcome`); throws
   * PrecopyError when it could not begin: an unknown strategy, no guest, nobody who answers.
   */
  async migrate(options: MigrateOptions): Promise<LiveResult> {
    return (await this.order({ kind: "migrate", options })) as LiveResult;
  }

  /** True when the move was cancelled; false when there is none, or it cannot be any more. */
  async cancel(): Promise<boolean> {
    return (await this.order({ kind: "cancel" })) as boolean;
  }

  /** Types at the guest's serial port; the tiny guest answers `tiny pong` and the byte. */
  async type(text: string): Promise<void> {
    await this.order({ kind: "type", text });
  }

  /** Ends the guest that is here. */
  async stop(): Promise<void> {
    await this.order({ kind: "stop" });
  }

  /** Ends the worker at once, with whatever is in it. */
  terminate(): void {
    this.worker.terminate();
    this.fail("the worker was ended");
  }

  private order(order: Order, transfer: Transferable[] = []): Promise<unknown> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, order }, transfer);
    });
  }

  private hear(message: WorkerMessage): void {
    if (message.kind !== "done" && message.kind !== "failed") {
      for (const listener of this.listeners) listener(message);
      return;
    }
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.kind === "done") return waiting?.resolve(message.value);
    const { code, reason } = message;
    const isOurs = code === "bug";
    waiting?.reject(
      isOurs ? new Error(reason) : new PrecopyError(code as PrecopyErrorCode, reason),
    );
  }

  private fail(reason: string): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of all) reject(new PrecopyError("aborted", reason));
  }
}
