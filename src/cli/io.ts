/** What the command line touches of its process, so that tests can stand in for it. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliIo {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `handler` at every Ctrl-C until the function that it returns is called. */
  onInterrupt(handler: () => void): () => void;
  /** Calls `handler` with what is typed until the function that it returns is called. */
  onInput?(handler: (text: string) => void): () => void;
  /** Ends the program at once. */
  exit(code: number): void;
  /** Milliseconds that only ever grow, for the rate of screen updates. */
  nowMs(): number;
}

/** The io of this process. */
export function processIo(): CliIo {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onInterrupt(handler) {
      process.on("SIGINT", handler);
      return () => process.removeListener("SIGINT", handler);
    },
    onInput(handler) {
      const { stdin } = process;
      const typed = (text: Buffer) => handler(text.toString("latin1"));
      stdin.on("data", typed);
      return () => {
        stdin.off("data", typed);
        stdin.pause();
      };
    },
    exit: (code) => process.exit(code),
    nowMs: () => performance.now(),
  };
}
