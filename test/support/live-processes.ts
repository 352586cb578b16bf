/** Two processes with a guest between them, and a line that can be cut, stalled and brought back. */
import { type ChildProcess, fork } from "node:child_process";
import { createServer, connect as netConnect, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Writable } from "node:stream";

/** On v86, or calculated: the latter can run while pages are absent. */
export type EndGuest = "tiny" | "calculable";

export type EndTask =
  | {
      readonly do: "serve";
      readonly guest: EndGuest;
      readonly secret?: string;
      readonly patienceMs: number;
    }
  | {
      readonly do: "migrate";
      readonly guest: EndGuest;
      readonly port: number;
      readonly strategy: string;
      readonly secret?: string;
      readonly timeoutMs: number;
      readonly recordMs: number;
      /** Stands still when it sees such a message for so many a time. */
      readonly standAt: string;
      readonly standTimes: number;
      /** Cancels instead. */
      readonly cancels: boolean;
    }
  | { readonly do: "tell" | "reset" | "leave" };

/** What an end says: one of these. */
export interface EndWord {
  readonly ready?: true;
  readonly listening?: number;
  readonly at?: string;
  readonly cancelled?: boolean;
  readonly turns?: number;
  readonly atNs?: number;
  /** The target session's. */
  readonly stage?: string;
  readonly outcome?: string;
  readonly stopReason?: string;
  readonly runs?: boolean;
  readonly wrongPages?: number;
}

const SCRIPT = join(import.meta.dirname, "../live/processes/end.ts");

export class End {
  readonly words: EndWord[] = [];
  exitCode: number | null | undefined;
  private readonly child: ChildProcess;
  private told: () => void = () => {};

  constructor() {
    this.child = fork(SCRIPT, {
      execArgv: ["--import", "tsx"],
      stdio: ["ignore", "inherit", "inherit", "ipc", "pipe"],
    });
    this.child.on("message", (word: EndWord) => {
      this.words.push(word);
      this.told();
    });
    this.child.on("exit", (code) => {
      this.exitCode = code;
      this.told();
    });
  }

  do(task: EndTask): void {
    this.child.send(task);
  }

  /** The first word, of those that came or will, that has this; throws when the process has ended. */
  async heard<K extends keyof EndWord>(
    key: K,
    is: (value: NonNullable<EndWord[K]>) => boolean = () => true,
    from = 0,
  ): Promise<EndWord & Required<Pick<EndWord, K>>> {
    for (;;) {
      const fits = (word: EndWord) => word[key] !== undefined && is(word[key] as never);
      const found = this.words.slice(from).find(fits);
      if (found !== undefined) return found as EndWord & Required<Pick<EndWord, K>>;
      if (this.exitCode !== undefined) throw new Error(`it ended without a word of ${key}`);
      await this.news();
    }
  }

  /** Does the guest run here, and is its memory as it has to be? */
  async tell(): Promise<Required<Pick<EndWord, "runs" | "wrongPages">>> {
    const from = this.words.length;
    this.do({ do: "tell" });
    const { runs, wrongPages } = await this.heard("runs", () => true, from);
    return { runs, wrongPages: wrongPages ?? -1 };
  }

  /** Turns that it has told of since, some turns from now. */
  async goesOn(): Promise<number> {
    const from = this.words.length;
    return (await this.heard("turns", () => true, from)).turns;
  }

  /** Goes on from where it stands still. */
  release(): void {
    (this.child.stdio[4] as Writable).write("!");
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended();
  }

  /** For another move. */
  async reset(): Promise<void> {
    const from = this.words.length;
    this.do({ do: "reset" });
    await this.heard("ready", () => true, from);
    this.words.length = 0;
  }

  /** Has to end by itself when it is told to leave. */
  async leave(): Promise<number | null> {
    this.do({ do: "leave" });
    return await this.ended();
  }

  private async ended(): Promise<number | null> {
    while (this.exitCode === undefined) await this.news();
    return this.exitCode;
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.told = resolve;
    });
  }
}

/** A line to a port of this machine. */
export class Line {
  private isUp = true;
  private held = false;
  private readonly pairs = new Set<readonly [Socket, Socket]>();

  static async to(port: number): Promise<Line> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Line(server, port);
  }

  private constructor(
    private readonly server: Server,
    port: number,
  ) {
    server.on("connection", (near) => {
      if (!this.isUp) return near.destroy();
      const far = netConnect(port, "127.0.0.1");
      const pair = [near, far] as const;
      this.pairs.add(pair);
      near.pipe(far);
      far.pipe(near);
      if (this.held) far.unpipe(near);
      for (const end of pair) {
        end.on("error", () => {});
        end.on("close", () => this.drop(pair));
      }
    });
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Nothing comes back from the far end any more. */
  holdAnswers(): void {
    this.held = true;
    for (const [near, far] of this.pairs) far.unpipe(near);
  }

  /** Breaks; `comesBack`: the next connection goes through. */
  cut(comesBack: boolean): void {
    this.isUp = comesBack;
    this.held = false;
    for (const pair of this.pairs) this.drop(pair);
  }

  close(): void {
    this.cut(false);
    this.server.close();
  }

  private drop(pair: readonly [Socket, Socket]): void {
    this.pairs.delete(pair);
    for (const end of pair) end.destroy();
  }
}
