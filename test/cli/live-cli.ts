/** Commands that go on for a while, in this process: what they write is seen as it comes. */
import type { CliIo, TextStream } from "../../src/cli/io.js";
import { runCli } from "../../src/cli/program.js";

export interface RunningCli {
  /** All that was written so far. */
  out(): string;
  err(): string;
  /** Resolves with the first match on stdout, or, if it ends without one, throws what it wrote. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Ctrl-C. */
  interrupt(): void;
  /** Codes that it asked to end with at once. */
  readonly exits: readonly number[];
  readonly code: Promise<number>;
}

export function startCli(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  terminal: Pick<TextStream, "isTTY" | "columns"> = {},
): RunningCli {
  let out = "";
  let err = "";
  const exits: number[] = [];
  const handlers = new Set<() => void>();
  let ended = false;
  const io: CliIo = {
    stdout: {
      write(text) {
        out += text;
      },
    },
    stderr: {
      write(text) {
        err += text;
      },
      ...terminal,
    },
    env,
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    exit: (code) => exits.push(code),
    nowMs: () => performance.now(),
  };
  const code = runCli(words, io).finally(() => {
    ended = true;
  });
  return {
    out: () => out,
    err: () => err,
    async waitFor(pattern) {
      for (;;) {
        const found = pattern.exec(out);
        if (found !== null) return found;
        if (ended) throw new Error(`it ended without ${pattern}:\n${out}${err}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    interrupt() {
      for (const handler of [...handlers]) handler();
    },
    exits,
    code,
  };
}

/** A target on a free port of this machine, and where it listens. */
export async function startServe(
  words: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<{ serve: RunningCli; address: string }> {
  const serve = startCli(["serve", "--listen", "127.0.0.1:0", "--json", ...words], env);
  const [, address = ""] = await serve.waitFor(/"address":"([^"]+)"/);
  return { serve, address };
}

/** Events that a `serve --json` has told. */
export function eventsOf(serve: RunningCli): { readonly event: string; [key: string]: unknown }[] {
  return serve
    .out()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** 16 MiB of which few pages hold anything. */
export const SMALL_GUEST = [
  ...["--guest", "tiny", "--memory", "16MiB", "--warm", "300ms"],
  ...["--workload", "pattern=hot pages=200 fill=100 rate=2000"],
];
