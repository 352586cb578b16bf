/** Runs the command line in this process, with streams that remember what was written. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CliIo } from "../../src/cli/io.js";
import { runCli } from "../../src/cli/program.js";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Codes that the program asked to end with at once. */
  readonly exits: readonly number[];
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  /** Both streams are terminals of so many columns. */
  readonly terminalColumns?: number;
  /** How often Ctrl-C comes as soon as somebody listens. */
  readonly interrupts?: number;
}

export async function precopy(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env = {}, terminalColumns, interrupts = 0 } = options;
  const out: string[] = [];
  const err: string[] = [];
  const exits: number[] = [];
  const terminal = terminalColumns === undefined ? {} : { isTTY: true, columns: terminalColumns };
  let clockMs = 0;
  const io: CliIo = {
    stdout: { write: (text) => out.push(text), ...terminal },
    stderr: { write: (text) => err.push(text), ...terminal },
    env,
    onInterrupt(handler) {
      for (let i = 0; i < interrupts; i++) handler();
      return () => {};
    },
    exit: (code) => exits.push(code),
    nowMs() {
      clockMs += 100;
      return clockMs;
    },
  };
  const code = await runCli(words, io);
  return { code, out: out.join(""), err: err.join(""), exits };
}

/** A folder for one test file; call `remove` when done. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "precopy-cli-"));
  return {
    path,
    file(name: string, content: string): string {
      const file = join(path, name);
      writeFileSync(file, content);
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Small enough to run in milliseconds, busy enough for several rounds. */
export const SMALL = `
title: Small shop
seed: 3
hosts: { xen-a: { memory: 8GiB }, xen-b: { memory: 8GiB } }
links: [{ between: [xen-a, xen-b] }]
guests:
  web: { on: xen-a, memory: 64MiB, workload: [{ pattern: hot-cold, rate: 2000/s }] }
  db: { on: xen-a, memory: 32MiB, workload: [{ pattern: uniform, rate: 100/s }] }
migrate: [{ guest: web, to: xen-b }]
compare: [pre-copy@xen, pre-copy+recency]
`;
