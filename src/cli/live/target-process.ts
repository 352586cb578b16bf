/** A `precopy serve` in a process of its own, for as long as a demonstration needs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PrecopyError } from "../../base/errors.js";

export interface TargetProcess {
  readonly pid: number;
  /** Where it listens. */
  readonly address: string;
  /** All that its guest has written on the serial port there. */
  readonly serial: string;
  /** Calls with all that there was, and with what comes. */
  onSerial(handler: (text: string) => void): void;
  /** Rejects when the guest has not written it in time. */
  waitForSerial(wanted: string, limitMs: number): Promise<void>;
  /** Types at its guest. */
  type(text: string): void;
  /** Ends it and waits until it has ended. */
  kill(): Promise<void>;
}

interface TargetOptions {
  readonly secret: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const START_MS = 30_000;

/** This program again, with what runs it: a loader for TypeScript, where there is one. */
function spawnServe({ secret, env }: TargetOptions): ChildProcess {
  const serve = ["serve", "--listen", "127.0.0.1:0", "--once", "--console", "--json"];
  const program = [...process.execArgv, process.argv[1] as string, ...serve];
  return spawn(process.execPath, program, {
    env: { ...env, PRECOPY_SECRET: secret },
    stdio: ["pipe", "pipe", "inherit"],
  });
}

export async function startServe(options: TargetOptions): Promise<TargetProcess> {
  const child = spawnServe(options);
  const gone = once(child, "close");
  let serial = "";
  let handler: (text: string) => void = () => {};
  let changed: () => void = () => {};
  let address = "";
  let rest = "";
  let ended = false;
  void gone.then(() => {
    ended = true;
    changed();
  });
  child.stdout?.on("data", (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) {
      const event = JSON.parse(line) as { event: string; address?: string; text?: string };
      if (event.event === "listening") address = event.address ?? "";
      if (event.event === "serial" && event.text !== undefined) {
        serial += event.text;
        handler(event.text);
      }
    }
    changed();
  });
  const until = async (reached: () => boolean, what: string, limitMs: number): Promise<void> => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      changed();
    }, limitMs);
    while (!reached() && !ended && !late) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
    clearTimeout(timer);
    if (reached()) return;
    const why = ended ? "its process has ended" : `not within ${limitMs / 1000} s`;
    throw new PrecopyError("aborted", `the target ${what}: ${why}`);
  };
  const kill = async (): Promise<void> => {
    if (!ended) child.kill("SIGKILL");
    await gone;
  };
  try {
    await until(() => address !== "", "did not begin to listen", START_MS);
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    pid: child.pid as number,
    address,
    get serial() {
      return serial;
    },
    onSerial(wanted) {
      handler = wanted;
      wanted(serial);
    },
    waitForSerial: (wanted, limitMs) =>
      until(() => serial.includes(wanted), `did not hear "${wanted}" from its guest`, limitMs),
    type: (text) => child.stdin?.write(text),
    kill,
  };
}
