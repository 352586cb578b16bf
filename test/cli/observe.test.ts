/**
 * `precopy observe` against a QMP server that remembers every command, and against QEMU. Without
 * --start no command may change anything, whatever happens.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CliIo } from "../../src/cli/io.js";
import { runCli } from "../../src/cli/program.js";
import { parseQemuRun } from "../../src/forecast/qemu-run.js";
import {
  ACTIVE,
  COMPLETED,
  FakeQmp,
  type FakeQmpOptions,
  type FakeScript,
  fakeQemu,
  Refusal,
} from "../support/fake-qmp.js";
import { guestSecondsPerSecond, Qemu, withoutQemu } from "../support/qemu.js";
import { precopy, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function fake(script: FakeScript, options: FakeQmpOptions = {}): Promise<FakeQmp> {
  const server = await FakeQmp.listen({ script, ...options });
  ends.push(() => server.close());
  return server;
}

interface Terminal {
  readonly columns?: number;
  /** Filled with what Ctrl-C calls. */
  readonly keys?: { interrupt: () => void };
}

async function observe(words: readonly string[], { columns, keys }: Terminal = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  const exits: number[] = [];
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  let clockMs = 0;
  const io: CliIo = {
    stdout: { write: (text) => out.push(text), ...terminal },
    stderr: { write: (text) => err.push(text), ...terminal },
    env: { NO_COLOR: "1" },
    onInterrupt(handler) {
      if (keys !== undefined) keys.interrupt = handler;
      return () => {};
    },
    exit: (code) => exits.push(code),
    nowMs() {
      clockMs += 100;
      return clockMs;
    },
  };
  const code = await runCli(["observe", ...words], io);
  return { code, out: out.join(""), err: err.join(""), exits };
}

const jsonLines = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Reads and measurements; everything else changes something. */
const HARMLESS = /^(query-[a-z-]+|qmp_capabilities|calc-dirty-rate)$/;
const changing = ({ names }: FakeQmp) => names.filter((name) => !HARMLESS.test(name));

const QUICK = ["--interval", "5ms"];

describe("without a migration", () => {
  it("tells the guest, measures two windows, forecasts, and changes nothing", async () => {
    const server = await fake(fakeQemu([{}]));
    const { code, out, err } = await observe([server.path, "--bandwidth", "30MB/s"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/web1 {3}QEMU 7\.2\.22 {3}running {3}128 MiB, 1 VCPU {3}no migration/);
    expect(out).toContain("max-bandwidth 400 Mbit/s, downtime-limit 300 ms");
    // 8 to 9 MiB/s in each second: (8.5 * 256) pages, in three seconds three times as many.
    expect(out).toContain("1 s: 8 MiB/s, 2,176 pages written");
    expect(out).toContain("3 s: 8 MiB/s, 6,528 pages written");
    expect(out).toContain("converges: yes; ends by threshold");
    expect(changing(server)).toEqual([]);
    expect(server.names.filter((name) => name === "calc-dirty-rate")).toHaveLength(2);
  });

  it("measures nothing if so told, or if the guest does not run", async () => {
    const server = await fake(fakeQemu([{}]));
    const { code, out } = await observe([server.path, "--no-measure"]);
    expect(code).toBe(0);
    expect(out).not.toMatch(/measured|forecast/);
    expect(server.names).not.toContain("calc-dirty-rate");
    const script = fakeQemu([{}]);
    const paused = await fake((command, self) =>
      command.execute === "query-status" ? { status: "paused" } : script(command, self),
    );
    const { err } = await observe([paused.path]);
    expect(err).toContain("the guest is paused and writes nothing: not measured");
    expect(paused.names).not.toContain("calc-dirty-rate");
  });

  it("goes on without a window that QEMU cannot measure", async () => {
    const server = await fake(fakeQemu([{}]));
    const { code, out, err } = await observe([server.path, "--windows", "500ms,1s"]);
    expect(code).toBe(0);
    expect(err).toContain("whole seconds");
    expect(out).toMatch(/1 s: 8 MiB\/s[\s\S]*converges/);
  });

  it("asks for the link where max-bandwidth is none", async () => {
    const script = fakeQemu([{}]);
    const server = await fake((command, self) =>
      command.execute === "query-migrate-parameters"
        ? { "max-bandwidth": 9e18, "downtime-limit": 300 }
        : script(command, self),
    );
    const { code, out } = await observe([server.path, "--windows", "1s"]);
    expect(code).toBe(0);
    expect(out).toContain("say --bandwidth");
  });

  it("knows of what is on and left out", async () => {
    const script = fakeQemu([{}]);
    const server = await fake((command, self) =>
      command.execute === "query-migrate-capabilities"
        ? [
            { capability: "dirty-limit", state: true },
            { capability: "multifd", state: true },
            { capability: "xbzrle", state: true },
          ]
        : script(command, self),
    );
    const { out } = await observe([server.path, "--windows", "1s"]);
    expect(out).toContain("dirty-limit: on, and left out of the forecast");
  });

  it("prints JSON lines", async () => {
    const server = await fake(fakeQemu([{}]));
    const { out } = await observe([server.path, "--windows", "1s", "--json"]);
    expect(jsonLines(out).map(({ event }) => event)).toEqual(["guest", "dirty-window", "forecast"]);
    expect(jsonLines(out)[0]).toMatchObject({
      ...{ schemaVersion: 1, guest: "web1", memoryBytes: 134_217_728, capabilities: [] },
    });
  });
});

describe("a migration that runs", () => {
  it("is watched to its end, forecast from QEMU's own count, and never touched", async () => {
    const server = await fake(fakeQemu([ACTIVE, ACTIVE, COMPLETED]));
    const file = join(folder.path, "new", "runs.jsonl");
    const { code, out, err } = await observe([server.path, "--record", file, ...QUICK]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/a migration runs[\s\S]*converges[\s\S]*completed {3}precopy/);
    expect(out).toMatch(/total time +4 s/);
    expect(out).toMatch(/downtime +12 ms/);
    expect(changing(server)).toEqual([]);
    expect(server.names).not.toContain("calc-dirty-rate");
    const [line] = jsonLines(readFileSync(file, "utf8"));
    expect(parseQemuRun(line ?? {}).actual).toMatchObject({ completed: true, totalMs: 4000 });
  });

  it("is shown on a terminal in one line whose span does not move, in a pipe in none", async () => {
    const slower = { ...ACTIVE, ram: { ...ACTIVE.ram, "dirty-pages-rate": 9000, mbps: 100 } };
    const answers = [ACTIVE, ACTIVE, slower, slower, COMPLETED];
    const server = await fake(fakeQemu(answers));
    const { err } = await observe([server.path, ...QUICK], { columns: 200 });
    const lines = err.split("\r\u001b[2K").filter((line) => line.includes("left"));
    expect(lines.length).toBeGreaterThan(2);
    expect(lines[0]).toContain("85.8 MiB left  400 Mbit/s  2,000 pages/s written  pause 300 ms");
    const spans = lines.map((line) => / of ([^ ]+ [^ ]+)/.exec(line)?.[1]);
    expect(spans[0]).toBeDefined();
    expect(new Set(spans).size).toBe(1);
    const piped = await fake(fakeQemu(answers));
    expect((await observe([piped.path, ...QUICK])).err).toBe("");
  });

  it("that fails or is cancelled ends with 4 and QEMU's reason", async () => {
    const failed = { status: "failed", "error-desc": "Unable to write to socket" };
    const server = await fake(fakeQemu([ACTIVE, failed]));
    const { code, err } = await observe([server.path, ...QUICK]);
    expect(code).toBe(4);
    expect(err).toContain("did not complete (failed): Unable to write to socket");
    const cancelled = await fake(fakeQemu([ACTIVE, { status: "cancelled" }]));
    expect((await observe([cancelled.path, ...QUICK])).code).toBe(4);
  });

  it("is left alone by Ctrl-C", async () => {
    const keys = { interrupt: () => {} };
    const script = fakeQemu([ACTIVE]);
    let looks = 0;
    const server = await fake((command, self) => {
      if (command.execute === "query-migrate" && ++looks === 4) keys.interrupt();
      return script(command, self);
    });
    const file = join(folder.path, "interrupted.jsonl");
    const { code, err } = await observe([server.path, "--record", file, ...QUICK], { keys });
    expect(code).toBe(130);
    expect(err).toContain("nothing was changed at QEMU");
    expect(changing(server)).toEqual([]);
    expect(existsSync(file)).toBe(false);
  });

  it("is left alone when the time for looking is over, which is 3", async () => {
    const server = await fake(fakeQemu([ACTIVE]));
    const { code, err } = await observe([server.path, "--timeout", "60ms", ...QUICK]);
    expect(code).toBe(3);
    expect(err).toContain("looked for 0.06 s; nothing was changed at QEMU");
    expect(changing(server)).toEqual([]);
  });

  it("is not started a second time", async () => {
    const server = await fake(fakeQemu([ACTIVE]));
    const { code, err } = await observe([server.path, "--start", "tcp:10.0.0.2:4444"]);
    expect(code).toBe(2);
    expect(err).toContain("a migration runs already (active)");
    expect(changing(server)).toEqual([]);
  });
});

describe("a file of runs", () => {
  it("gets one line more, or stays as it was", async () => {
    const file = folder.file("runs.jsonl", '{"id": "before"}');
    const server = await fake(fakeQemu([ACTIVE, COMPLETED]));
    await observe([server.path, "--record", file, ...QUICK]);
    const before = readFileSync(file, "utf8");
    expect(jsonLines(before).map(({ outcome }) => outcome)).toEqual([undefined, "completed"]);
    const none = await fake(fakeQemu([{}]));
    expect((await observe([none.path, "--no-measure", "--record", file])).code).toBe(0);
    const gone = await fake((command, self) => {
      if (command.execute !== "query-cpus-fast") return fakeQemu([ACTIVE])(command, self);
      self.hangUp();
      return undefined;
    });
    expect((await observe([gone.path, "--record", file, ...QUICK])).code).toBe(4);
    expect(readFileSync(file, "utf8")).toBe(before);
  });
});

describe("--start", () => {
  const START = ["--start", "tcp:10.0.0.2:4444", "--no-measure", ...QUICK];

  it("applies what was wished, then starts, and nothing else changes", async () => {
    const server = await fake(fakeQemu([{}, ACTIVE, COMPLETED]));
    const { code } = await observe([
      ...[server.path, ...START, "--set", "downtime-limit=500", "--capability", "auto-converge"],
    ]);
    expect(code).toBe(0);
    expect(changing(server)).toEqual([
      ...["migrate-set-capabilities", "migrate-set-parameters", "migrate"],
    ]);
  });

  it("sends it to post-copy once, after so many readings", async () => {
    const server = await fake(fakeQemu([{}, ACTIVE, ACTIVE, COMPLETED]));
    const { code } = await observe([
      ...[server.path, ...START, "--capability", "postcopy-ram", "--start-postcopy-after", "2"],
    ]);
    expect(code).toBe(0);
    expect(changing(server).slice(-2)).toEqual(["migrate", "migrate-start-postcopy"]);
  });

  it.each([
    ["leaves it running on Ctrl-C and says how to end it", [], ["migrate"], "migrate_cancel"],
    [
      "cancels it on Ctrl-C where that was asked for",
      ["--cancel-on-interrupt"],
      ["migrate", "migrate_cancel"],
      "that was started is cancelled",
    ],
  ])("%s", async (_what, words, changes, said) => {
    const keys = { interrupt: () => {} };
    let looks = 0;
    let isCancelled = false;
    const script = fakeQemu([]);
    const server = await fake((command, self) => {
      if (command.execute === "migrate_cancel") isCancelled = true;
      if (command.execute !== "query-migrate") return script(command, self);
      if (++looks === 4) keys.interrupt();
      return isCancelled ? { status: "cancelled" } : looks === 1 ? {} : ACTIVE;
    });
    const { code, err } = await observe([server.path, ...START, ...words], { keys });
    expect(code).toBe(130);
    expect(err).toContain(said);
    expect(changing(server)).toEqual(["migrate-set-capabilities", ...changes]);
  });

  it("starts nothing where QEMU refuses a setting", async () => {
    const script = fakeQemu([{}]);
    const server = await fake((command, self) =>
      command.execute === "migrate-set-capabilities"
        ? new Refusal("GenericError", "Postcopy is not supported")
        : script(command, self),
    );
    const { code, err } = await observe([server.path, ...START]);
    expect(code).toBe(2);
    expect(err).toContain("QEMU refused migrate-set-capabilities: Postcopy is not supported");
    expect(server.names).not.toContain("migrate");
  });

  it.each([
    [["--set", "downtime-limit=1"], /--set without --start would change/],
    [["--capability", "xbzrle"], /--capability without --start/],
    [["--cancel-on-interrupt"], /--cancel-on-interrupt without --start/],
    [["--start-postcopy-after", "2"], /--start-postcopy-after without --start/],
    [[...START, "--set", "nonsense"], /"nonsense" sets no parameter/],
    [[...START, "--start-postcopy-after", "2"], /needs --capability postcopy-ram/],
    [["--windows", "1"], /not a duration/],
    [["--windows", "0s"], /above 0/],
    [["--interval", "1ms"], /from 5ms to 1min/],
    [["--zero", "120%"], /0% to 100%/],
    [["--bandwidth", "10"], /not a rate/],
  ])("and its words: %j", async (words, said) => {
    const server = await fake(fakeQemu([{}]));
    const { code, err } = await observe([server.path, ...words]);
    expect(code).toBe(2);
    expect(err).toMatch(said);
    expect(server.commands).toEqual([]);
  });
});

it("Ctrl-C ends the wait for a monitor that another client has", async () => {
  const keys = { interrupt: () => {} };
  const server = await fake(fakeQemu([{}]), { greeting: "" });
  const done = observe([server.path], { keys });
  await server.connected();
  keys.interrupt();
  expect(await done).toMatchObject({ code: 130, out: "" });
  expect(server.commands).toEqual([]);
});

it("a socket that is none ends with 2 and the next step", async () => {
  const { code, err } = await observe([join(folder.path, "none")]);
  expect(code).toBe(2);
  expect(err).toContain("start QEMU with -qmp");
});

describe.skipIf(withoutQemu())("QEMU itself (qemu-system-x86)", () => {
  it("is forecast, started, watched, and recorded", async () => {
    const writesPerSec = Math.round(2000 / (await guestSecondsPerSecond()));
    const guest = { pages: 4000, fillPages: 0, writesPerSec, scanEveryMs: 0 };
    const [source, target] = [
      new Qemu({ guest, name: "tiny" }),
      new Qemu({ guest, incoming: true }),
    ];
    ends.push(
      () => source.end(),
      () => target.end(),
    );
    (await source.connect()).close();
    const uri = `unix:${target.file("incoming")}`;
    await (await target.connect()).execute("migrate-incoming", { uri });
    await source.reported();
    const file = join(folder.path, "real.jsonl");
    const { code, out, err } = await observe([
      ...[source.qmpPath, "--start", uri, "--set", "max-bandwidth=30000000", "--windows", "1s"],
      ...["--bandwidth", "unlimited", "--zero", "87%", "--record", file, "--json"],
    ]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const told = jsonLines(out);
    const events = ["guest", "dirty-window", "forecast", "started", "sample", "ended"];
    expect([...new Set(told.map(({ event }) => event))]).toEqual(events);
    const { forecast } = told.find(({ event }) => event === "forecast") as {
      forecast: { totalMs: { middle: number }; bytes: { middle: number } };
    };
    const [line] = jsonLines(readFileSync(file, "utf8"));
    const { actual } = parseQemuRun(line ?? {});
    expect(actual).toMatchObject({ completed: true });
    // A dirty rate in whole MiB, a share of zeros that is guessed, a pass more or less: a quarter.
    expect(actual.bytes / forecast.bytes.middle).toBeGreaterThan(0.75);
    expect(actual.bytes / forecast.bytes.middle).toBeLessThan(1.25);
    const validated = await precopy(["validate", file]);
    expect(validated.code).toBe(0);
    expect(validated.out).toMatch(
      /^From QEMU's own calc-dirty-rate[\s\S]*^pre-copy, max-bandwidth +1 /m,
    );
    const last = source.lastReport?.n ?? 0;
    expect((await target.reported(({ n }) => n > last)).bad).toBe(0);
  });
});
