/**
 * One call of the command line: its streams, colours and width, the progress line, what is known
 * for repeating it, and how it ends.
 *
 *   0 ok   1 a bug of ours   2 bad input   3 a stated limit was missed   4 a migration was aborted
 */
import { CommanderError } from "commander";
import picocolors from "picocolors";
import { PrecopyError } from "../base/errors.js";
import { formatBytes, formatRate } from "../base/units.js";
import type { Registry } from "../migrate/registry.js";
import { Simulation, type SimulationResult } from "../model/simulation.js";
import type { SimulationSpec } from "../model/spec.js";
import type { Palette } from "../report/palette.js";
import { packageVersion } from "./files.js";
import type { CliIo } from "./io.js";
import { LiveLine } from "./live-line.js";

export const EXIT = {
  ok: 0,
  bug: 1,
  badInput: 2,
  limitMissed: 3,
  aborted: 4,
  interrupted: 130,
} as const;

/** Ctrl-C, and what became of what ran. */
export class Interrupted extends Error {
  constructor(message = "interrupted; the migrations were cancelled") {
    super(message);
  }
}

const WIDTH_DEFAULT = 100;

export interface SimulateOptions {
  readonly registry?: Registry;
  readonly scalar?: boolean;
  /** Stands before the progress. */
  readonly label?: string;
}

export class Session {
  readonly palette: Palette;
  readonly width: number;
  exitCode: number = EXIT.ok;
  /** The command that repeats what runs, as soon as it is known; printed if we fail. */
  repeat = "";
  /** What the program was called with. */
  words: readonly string[] = [];
  private readonly line: LiveLine;

  constructor(readonly io: CliIo) {
    this.palette = paletteFor(io);
    this.width = (io.stdout.isTTY && io.stdout.columns) || WIDTH_DEFAULT;
    this.line = new LiveLine(io);
  }

  print(text: string): void {
    this.close();
    this.io.stdout.write(text);
  }

  printJson(value: unknown): void {
    this.print(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** A word to the person, apart from the output. */
  note(text: string): void {
    this.say(`precopy: ${text}\n`);
  }

  /** Text beside the output, as it is. */
  say(text: string): void {
    this.close();
    this.io.stderr.write(text);
  }

  /** The last of several reasons to end badly does not hide an earlier, graver one. */
  endWith(code: number): void {
    this.exitCode = Math.max(this.exitCode, code);
  }

  /** Runs a simulation with progress; Ctrl-C cancels it, a second one ends the program. */
  async simulate(spec: SimulationSpec, options: SimulateOptions = {}): Promise<SimulationResult> {
    const { registry, scalar, label = "" } = options;
    const abort = new AbortController();
    const release = this.io.onInterrupt(() => this.interrupt(abort));
    let simulation: Simulation | undefined;
    try {
      simulation = await Simulation.create(spec, {
        signal: abort.signal,
        ...(registry !== undefined && { registry }),
        ...(scalar === true && { kernels: { simd: false } }),
      });
      const meter = new RateMeter(simulation, label);
      if (label !== "" && this.line.due()) this.line.draw(label);
      const result = await simulation.run(async () => {
        if (this.line.due()) this.line.draw(meter.text());
        await new Promise((resolve) => setImmediate(resolve));
      });
      if (abort.signal.aborted) throw new Interrupted();
      return result;
    } finally {
      release();
      simulation?.dispose();
    }
  }

  /** Draws the progress line if it is time to. */
  progress(text: () => string): void {
    if (this.line.due()) this.line.draw(text());
  }

  /** Takes the progress line away; the next simulation draws it again. */
  close(): void {
    this.line.clear();
  }

  /** Says what went wrong and returns the exit code. */
  fail(error: unknown): number {
    this.close();
    if (error instanceof Interrupted) {
      this.note(error.message);
      return EXIT.interrupted;
    }
    // Commander has said it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
    if (error instanceof PrecopyError) {
      this.note(error.message);
      return error.code === "aborted" ? EXIT.aborted : EXIT.badInput;
    }
    this.explainBug(error);
    return EXIT.bug;
  }

  private explainBug(error: unknown): void {
    const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const lines = [
      "this is a bug in precopy (or in a plug-in, if one is used), not a mistake of yours",
      details,
      ...(this.repeat === "" ? [] : [`repeat:  ${this.repeat}`]),
      `version: ${packageVersion()}, Node ${process.version}`,
      "Please report it with all of these lines and the scenario.",
    ];
    this.note(lines.join("\n"));
  }

  private interrupt(abort: AbortController): void {
    if (abort.signal.aborted) {
      this.close();
      this.io.exit(EXIT.interrupted);
    }
    abort.abort();
  }
}

/** The line of progress: where the migrations stand, and the rate since it was last asked for. */
class RateMeter {
  private beforeNs = 0;
  private beforeBytes = 0;
  private rate = 0;

  constructor(
    private readonly simulation: Simulation,
    private readonly label: string,
  ) {}

  text(): string {
    const { nowNs } = this.simulation;
    const all = this.simulation.progress();
    const bytes = all.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    if (nowNs > this.beforeNs) {
      this.rate = ((bytes - this.beforeBytes) * 1e9) / (nowNs - this.beforeNs);
      this.beforeNs = nowNs;
      this.beforeBytes = bytes;
    }
    const running = all.filter(({ state }) => state !== "completed" && state !== "aborted");
    const parts = running.map(
      ({ guest, name, state, round, owedPages }) =>
        `${guest}  ${name}  ${state}, round ${round + 1}, ${formatBytes(owedPages * 4096)} left`,
    );
    return [this.label, ...parts, formatRate(this.rate)].filter((part) => part !== "").join("  ");
  }
}

/** Colour on a terminal, unless NO_COLOR is set (no-color.org); FORCE_COLOR for pipes. */
function paletteFor({ stdout, env }: CliIo): Palette {
  const forced = env.FORCE_COLOR !== undefined && !["", "0"].includes(env.FORCE_COLOR);
  const terminal = stdout.isTTY === true && env.TERM !== "dumb";
  const wanted = (env.NO_COLOR ?? "") === "" && (forced || terminal);
  const { bold, dim, green, yellow, red } = picocolors.createColors(wanted);
  return { bold, dim, good: green, warn: yellow, bad: red };
}
