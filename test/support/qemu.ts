/**
 * Real QEMU processes with the tiny guest in them, for tests and for the check of forecasts: booted,
 * reached over QMP, moved over loopback, ended whatever happens.
 *
 * The tiny guest takes a tick of the time-stamp counter for a nanosecond, as it is on v86; QEMU's is
 * the host's own. So its "second" is measured once, and rates are given in seconds of the clock.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TinyGuestOptions, tinyGuest } from "../../src/live/guests/tiny.js";
import { parseTinyReports, type TinyReport } from "../../src/live/guests/tiny-reports.js";
import { QmpClient } from "../../src/live/qemu/qmp-client.js";

const QEMU = "qemu-system-x86_64";
/**
 * Two pages more than 128 MiB. At 128 MiB each of six moves arrived with lost writes, at this size none
 * of forty: where memory is whole runs of 64 pages, QEMU 7.2 reads its dirty bitmap by words without
 * resetting the TLBs of software emulation, and later writes pass unseen (mended in later versions).
 */
export const MEMORY_KIB = 128 * 1024 + 8;
const CONNECT_MS = 10_000;
const REPORT_MS = 10_000;

/** "7.2.22", undefined where QEMU is not installed. */
export function qemuVersion(): string | undefined {
  const { stdout, status } = spawnSync(QEMU, ["--version"], { encoding: "utf8" });
  return status === 0 ? /version (\S+)/.exec(stdout)?.[1] : undefined;
}

/** Locally tests do without QEMU; in CI its absence is a failure. */
export function withoutQemu(): boolean {
  return qemuVersion() === undefined && process.env.CI !== "true";
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface QemuOptions {
  /** The tiny guest; `writesPerSec` by its own second. */
  readonly guest?: TinyGuestOptions;
  readonly incoming?: boolean;
  readonly name?: string;
}

export class Qemu {
  /** All that the guest sent on its serial port. */
  serial = "";
  stderr = "";
  private readonly waiting = new Set<() => void>();
  private readonly folder: string;
  private readonly child: ChildProcess;
  private readonly clients: QmpClient[] = [];

  constructor({ guest = {}, incoming = false, name }: QemuOptions = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "precopy-qemu-"));
    const { image, commandLine } = tinyGuest(guest);
    // QEMU puts the image's file name in front of the command line: a name that is a word of it.
    const file = "hz=1000";
    writeFileSync(join(this.folder, file), image);
    const words = [
      ...["-accel", "tcg", "-machine", "pc", "-m", `${MEMORY_KIB}k`, "-display", "none"],
      ...["-nodefaults", "-serial", "stdio", "-kernel", file, "-append", commandLine],
      ...["-qmp", "unix:qmp,server=on,wait=off"],
      ...(incoming ? ["-incoming", "defer"] : []),
      ...(name === undefined ? [] : ["-name", name]),
    ];
    const [program, ...args] = dyingWithUs(words) as [string, ...string[]];
    this.child = spawn(program, args, { cwd: this.folder, stdio: ["pipe", "pipe", "pipe"] });
    running.add(this.child);
    this.child.stdout?.on("data", (text: Buffer) => {
      this.serial += text.toString("latin1");
      this.wake();
    });
    this.child.stderr?.on("data", (text: Buffer) => {
      this.stderr += text.toString("latin1");
    });
    this.child.once("error", (error) => {
      this.stderr += error.message;
      running.delete(this.child);
      this.wake();
    });
    this.child.once("close", () => {
      running.delete(this.child);
      this.wake();
    });
  }

  get qmpPath(): string {
    return join(this.folder, "qmp");
  }

  get file(): (name: string) => string {
    return (name) => join(this.folder, name);
  }

  /** Waits until QEMU has made its socket. */
  async connect(): Promise<QmpClient> {
    const untilMs = Date.now() + CONNECT_MS;
    for (;;) {
      try {
        const client = await QmpClient.connect(this.qmpPath);
        this.clients.push(client);
        return client;
      } catch (error) {
        if (Date.now() > untilMs || !running.has(this.child)) {
          throw new Error(`QEMU gives no QMP: ${String(error)} ${this.stderr}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  get lastReport(): TinyReport | undefined {
    return parseTinyReports(this.serial).reports.at(-1);
  }

  /** The first report that it says yes to. */
  reported(accept: (report: TinyReport) => boolean = () => true): Promise<TinyReport> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const { lastReport: report } = this;
        const isGone = !running.has(this.child);
        if (report === undefined || !accept(report)) {
          if (isGone) end(() => reject(new Error(`QEMU has ended: ${this.stderr}`)));
          return;
        }
        end(() => resolve(report));
      };
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        settle();
      };
      const said = () => this.serial.slice(-200);
      const timer = setTimeout(
        () => end(() => reject(new Error(`no such report in ${REPORT_MS} ms: ${said()}`))),
        REPORT_MS,
      );
      this.waiting.add(look);
      look();
    });
  }

  /** How long its threads have waited for a CPU so far, by thread (proc(5), schedstat); ms. */
  waitedMs(into: Map<string, number>): void {
    const tasks = `/proc/${this.child.pid}/task`;
    try {
      for (const tid of readdirSync(tasks)) {
        const text = readFileSync(`${tasks}/${tid}/schedstat`, "utf8");
        into.set(tid, Number(text.split(" ")[1]) / 1e6);
      }
    } catch {
      // A thread has ended, or this system does not tell.
    }
  }

  async end(): Promise<void> {
    for (const client of this.clients) client.close();
    if (running.has(this.child)) {
      const closed = new Promise((resolve) => this.child.once("close", resolve));
      this.child.kill("SIGKILL");
      await closed;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private wake(): void {
    for (const look of [...this.waiting]) look();
  }
}

/** The system ends QEMU with us, even where we are killed: prctl(2), by util-linux's setpriv. */
function dyingWithUs(words: readonly string[]): string[] {
  hasSetpriv ??= spawnSync("setpriv", ["--version"]).status === 0;
  return [...(hasSetpriv ? ["setpriv", "--pdeathsig", "KILL"] : []), QEMU, ...words];
}
let hasSetpriv: boolean | undefined;

let secondsPerSecond: Promise<number> | undefined;

/** Seconds that the tiny guest counts in one of the clock's. */
export function guestSecondsPerSecond(): Promise<number> {
  secondsPerSecond ??= measureGuestSecond();
  return secondsPerSecond;
}

const CALIBRATION_MS = 1_000;

/** A report may be heard late, never early: of each third of them the earliest one counts. */
async function measureGuestSecond(): Promise<number> {
  const qemu = new Qemu({ guest: { pattern: "idle", pages: 1, fillPages: 0 } });
  try {
    const heard: Heard[] = [];
    const startMs = performance.now();
    let { n } = await qemu.reported();
    while (performance.now() - startMs < CALIBRATION_MS || heard.length < 9) {
      const last = n;
      const report = await qemu.reported((one) => one.n > last);
      n = report.n;
      heard.push({ guestMs: report.ms, atMs: performance.now() });
    }
    const third = Math.floor(heard.length / 3);
    const ends = [heard[0], heard.at(-1)] as [Heard, Heard];
    const rough = slope(ends);
    const early = (some: readonly Heard[]) =>
      some.reduce((a, b) => (a.atMs - a.guestMs / rough <= b.atMs - b.guestMs / rough ? a : b));
    return slope([early(heard.slice(0, third)), early(heard.slice(-third))]);
  } finally {
    await qemu.end();
  }
}

interface Heard {
  readonly guestMs: number;
  readonly atMs: number;
}

function slope([first, last]: readonly [Heard, Heard]): number {
  return (last.guestMs - first.guestMs) / (last.atMs - first.atMs);
}
