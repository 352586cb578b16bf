/**
 * Plain C beside the kernels: compiles bench/native/*.c once and runs each case in a child process
 * that takes its own times (bench/native/main.c). Without gcc there are simply no such contenders.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Contender, Sample, Slice } from "./harness.js";
import { median } from "./statistics.js";

export const GCC_FLAGS = ["-O3", "-march=native", "-std=c11"];

const SOURCES = fileURLToPath(new URL("native/", import.meta.url));

export class Native {
  readonly version: string;
  private readonly binary: string;

  /** Compiles, or finds what was compiled from the same sources; undefined without gcc. */
  static build(): Native | undefined {
    let version: string;
    try {
      version = execFileSync("gcc", ["--version"], { encoding: "utf8" }).split("\n")[0] as string;
    } catch {
      return undefined;
    }
    return new Native(version, compile(version));
  }

  private constructor(version: string, binary: string) {
    this.version = version;
    this.binary = binary;
  }

  /** Starts a case of bench/native on `input`, with its numbers. */
  async contender(
    kernel: string,
    input: readonly Uint32Array[],
    numbers: readonly number[],
  ): Promise<Contender> {
    const directory = mkdtempSync(join(tmpdir(), "precopy-bench-"));
    const file = join(directory, "input");
    writeFileSync(file, "");
    for (const part of input) {
      writeFileSync(file, new Uint8Array(part.buffer, part.byteOffset, part.byteLength), {
        flag: "a",
      });
    }
    const child = new NativeChild(spawn(this.binary, [kernel, file, ...numbers.map(String)]));
    await child.answer("ready");
    rmSync(directory, { recursive: true });
    return {
      name: "C",
      measure: (slice) => child.measure(slice),
      close: () => child.close(),
    };
  }
}

class NativeChild {
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private errors = "";

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.reader = createInterface(child.stdout);
    this.lines = this.reader[Symbol.asyncIterator]();
    child.stderr.on("data", (text) => {
      this.errors += text;
    });
  }

  async measure({ runs, batch }: Slice): Promise<Sample> {
    this.child.stdin.write(`${runs} ${batch}\n`);
    const [digest = "", ...times] = (await this.answer()).split(" ");
    return { nsPerRun: median(times.map(Number)), digest };
  }

  /** The next line, which is `expected` if that is given. */
  async answer(expected?: string): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done === true || (expected !== undefined && value !== expected)) {
      throw new Error(`the C program ended or answered "${value}": ${this.errors}`);
    }
    return value;
  }

  close(): void {
    this.child.stdin.end();
    this.reader.close();
  }
}

function compile(version: string): string {
  const files = readdirSync(SOURCES).sort();
  const hash = createHash("sha256").update(version).update(GCC_FLAGS.join(" "));
  for (const file of files) hash.update(readFileSync(join(SOURCES, file)));
  const binary = join(tmpdir(), `precopy-bench-native-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(binary)) return binary;
  const partial = `${binary}.${process.pid}`;
  const sources = files.filter((file) => file.endsWith(".c")).map((file) => join(SOURCES, file));
  execFileSync("gcc", [...GCC_FLAGS, "-Wall", "-Wextra", "-o", partial, ...sources]);
  renameSync(partial, binary);
  return binary;
}
