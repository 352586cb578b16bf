/** Sweeps that run: results, resuming after Ctrl-C and crashes, failures, exit codes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let scenario = "";
let files = 0;

beforeAll(() => {
  folder = temporaryFolder();
  scenario = folder.file("small.yaml", SMALL);
});
afterAll(() => folder.remove());

const MEMORY = ["--over", "guest.memory=16MiB,32MiB"];
const GRID = [...MEMORY, "--over", "link.bandwidth=1Gbit/s,10Gbit/s"];

function newFile(): string {
  files++;
  return join(folder.path, `out-${files}.jsonl`);
}

function linesOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

describe("precopy sweep", () => {
  it("writes a line for each job, with the figures that `run` gives", async () => {
    const out = newFile();
    const words = [
      "sweep",
      scenario,
      ...MEMORY,
      "-s",
      "pre-copy@xen",
      "-s",
      "seed",
      "--seeds",
      "2",
    ];
    const { code, err } = await precopy([...words, "--out", out]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const [header, ...lines] = linesOf(out).map((line) => JSON.parse(line));
    expect(header).toMatchObject({ sweep: 1, title: "Small shop", jobs: 8 });
    expect(lines).toHaveLength(8);
    expect(new Set(lines.map(({ job }) => job)).size).toBe(8);
    const text = SMALL.replace("memory: 64MiB", "memory: 32MiB");
    const changed = folder.file("changed.yaml", text);
    const run = JSON.parse(
      (await precopy(["run", changed, "-s", "seed", "--seed", "4", "--json"])).out,
    );
    const line = lines.find(
      ({ at, strategy, seed }) =>
        at["guest.memory"] === "32MiB" && strategy === "seed" && seed === 4,
    );
    const [migration] = run.migrations;
    expect(line).toMatchObject({
      eventLogHash: run.eventLogHash,
      completed: true,
      stopReasons: [migration.stopReason],
      downtimeNs: migration.downtimeNs,
      totalNs: run.makespanNs,
      bytesSent: migration.bytesSent,
      guestSlowdown: migration.guestSlowdown,
    });
  });

  it("says what the parameters do", async () => {
    const out = newFile();
    const words = ["sweep", scenario, ...GRID, "-s", "suspend", "--out", out];
    const { out: text } = await precopy(words);
    expect(text).toContain("Small shop");
    expect(text).toMatch(/suspend {3}4 points\n +total time +downtime +on the wire +slowdown\n/);
    expect(text).toMatch(/ {2}guest\.memory +\+0\.\d\d/);
    expect(text).toContain(`--out ${out}`);
    const { analyses } = JSON.parse((await precopy([...words, "--json"])).out);
    expect(analyses).toHaveLength(1);
    const { bytesSent, guestSlowdown } = analyses[0].metrics;
    // Suspended, a guest is sent once: twice the memory is twice the bytes, at any bandwidth.
    expect(bytesSent.factors[0].elasticity).toBeCloseTo(1, 2);
    expect(bytesSent.factors[1].elasticity).toBeCloseTo(0, 3);
    expect(guestSlowdown.scale).toBe("same");
  });

  it("prints a row for each job as CSV, in the order of the grid", async () => {
    const words = ["sweep", scenario, ...GRID, "--out", newFile(), "--csv", "--jobs", "2"];
    const { out } = await precopy(words);
    const rows = out.trimEnd().split("\r\n");
    expect(rows[0]).toBe(
      "guest.memory,link.bandwidth,strategy,seed,completed,stopReasons,downtimeNs,totalNs,bytesSent,guestSlowdown,error",
    );
    expect(rows.slice(1).map((row) => row.split(",").slice(0, 4).join())).toEqual([
      "16MiB,1Gbit/s,pre-copy@xen,3",
      "16MiB,10Gbit/s,pre-copy@xen,3",
      "32MiB,1Gbit/s,pre-copy@xen,3",
      "32MiB,10Gbit/s,pre-copy@xen,3",
    ]);
  });

  it("counts jobs and the time that is left on a terminal, and only there", async () => {
    const words = ["sweep", scenario, ...GRID, "--out", newFile()];
    const { err } = await precopy(words, { terminalColumns: 100 });
    expect(err).toContain("[0/4] 0 %");
    expect(err).toMatch(/\[2\/4\] 50 %, \d+ s left/);
    expect(err.endsWith("\r\u001b[2K")).toBe(true);
  });

  it("does not run again what is in its file, and drops half a line", async () => {
    const out = newFile();
    const words = ["sweep", scenario, ...GRID, "--out", out];
    await precopy(words);
    const whole = linesOf(out);
    // Two jobs are done, one of them with a figure that only this file has; a third is half there.
    const kept = [whole[0], whole[1], whole[2]?.replace(/"totalNs":\d+/, '"totalNs":12345')];
    writeFileSync(out, `${kept.join("\n")}\n${whole[3]?.slice(0, 40)}`);
    const { code, err, out: csv } = await precopy([...words, "--csv"]);
    expect({ code, err }).toEqual({ code: 0, err: `precopy: 2 of 4 jobs are in ${out}\n` });
    const lines = linesOf(out);
    expect(lines.slice(0, 3)).toEqual(kept);
    expect(lines.slice(3).sort()).toEqual(whole.slice(3).sort());
    expect(csv).toContain(",12345,");
  });

  it("begins again where only half a first line is left", async () => {
    const out = newFile();
    const words = ["sweep", scenario, ...GRID, "--out", out];
    await precopy(words);
    const whole = linesOf(out);
    writeFileSync(out, (whole[0] as string).slice(0, 50));
    expect((await precopy(words)).code).toBe(0);
    expect(linesOf(out).sort()).toEqual([...whole].sort());
  });

  it("ends with 130 at Ctrl-C and says how to go on", async () => {
    const out = newFile();
    const words = ["sweep", scenario, ...GRID, "--out", out];
    const { code, out: printed, err } = await precopy(words, { interrupts: 1 });
    expect({ code, printed }).toEqual({ code: 130, printed: "" });
    expect(err).toBe(
      `precopy: interrupted; 0 of 4 jobs are in ${out}, the same command goes on from there\n`,
    );
    expect(linesOf(out)).toHaveLength(1);
    expect((await precopy(words, { interrupts: 2 })).exits).toEqual([130]);
  });
});

describe("Ctrl-C in the middle", () => {
  const LOADER = resolve("node_modules/tsx/dist/loader.mjs");
  const MAIN = resolve("src/cli/main.ts");

  it("loses nothing: going on gives the file that one run gives", async () => {
    const out = newFile();
    const over = ["--over", "guest.memory=64MiB,128MiB", "--over", "link.latency=1us..20us:20"];
    const words = ["sweep", scenario, ...over, "-s", "seed", "--out"];
    const node = ["--import", `file://${LOADER}`, MAIN, ...words, out, "--jobs", "1"];
    const child = spawn(process.execPath, node, { stdio: ["ignore", "ignore", "pipe"] });
    let err = "";
    child.stderr.on("data", (text) => {
      err += text;
    });
    const timer = setInterval(() => {
      if (!existsSync(out) || linesOf(out).length < 4) return;
      clearInterval(timer);
      child.kill("SIGINT");
    }, 5);
    const [code] = await once(child, "close");
    clearInterval(timer);
    const done = linesOf(out).length - 1;
    expect({ code, early: done < 40 }).toEqual({ code: 130, early: true });
    expect(err).toContain(`interrupted; ${done} of 40 jobs are in ${out}`);

    const resumed = await precopy([...words, out, "--jobs", "1"]);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toContain(`${done} of 40 jobs are in ${out}`);
    const other = newFile();
    const whole = await precopy([...words, other, "--jobs", "3"]);
    expect(whole.code).toBe(0);
    expect(linesOf(out)).toHaveLength(41);
    expect(linesOf(out).sort()).toEqual(linesOf(other).sort());
  }, 120_000);
});

describe("jobs without figures", () => {
  const TRACE = resolve("examples/traces/zipf.wsdt2.gz");

  it("that fail are lines as well, counted, and end it with 3", async () => {
    const text = SMALL.replace(
      /web: .*$/m,
      `web: { on: xen-a, trace: { file: ${TRACE}, clock: time } }`,
    );
    const short = folder.file("short-trace.yaml", text);
    const out = newFile();
    const words = ["sweep", short, "--over", "link.bandwidth=10Mbit/s,1Gbit/s,10Gbit/s"];
    const { code, out: printed, err } = await precopy([...words, "--out", out]);
    expect(code).toBe(3);
    expect(err).toContain("1 job of 3 failed, the first with link.bandwidth=10Mbit/s");
    expect(printed.replace(/\n +/g, " ")).toContain("without link.bandwidth=10Mbit/s are analysed");
    const errors = linesOf(out).map((line) => JSON.parse(line).error);
    expect(errors.filter((error) => error?.code === "trace-ended")).toHaveLength(1);
    const again = await precopy([...words, "--out", out, "--csv"]);
    expect(again.code).toBe(3);
    expect(again.out.split("\r\n")[1]).toContain("10Mbit/s,pre-copy@xen,3,,,,,,,");
  });

  it("whose values do not fit together fail, not the sweep", async () => {
    const over = ["--over", "guest.memory=16MiB,9GiB", "--over", "host.memory=2GiB,16GiB"];
    const words = ["sweep", scenario, ...over, "-s", "suspend", "--out", newFile(), "--json"];
    const { code, err, out } = await precopy(words);
    expect(code).toBe(3);
    expect(err).toContain("guest.memory=9GiB, host.memory=2GiB");
    expect(err).toContain("do not fit");
    const [{ metrics }] = JSON.parse(out).analyses;
    expect(metrics.totalNs).toMatchObject({ cells: 4, holes: 1, cellsUsed: 2 });
  });

  it("that were aborted are left out of the figures, and end it with 4", async () => {
    const words = ["sweep", scenario, ...MEMORY, "--over", "migrate.timeout=1ms,10min"];
    const { code, out, err } = await precopy([...words, "--out", newFile()]);
    expect(code).toBe(4);
    expect(err).toContain("in 2 jobs of 4 a migration ended without a switch");
    expect(out).toContain("2 points without a completed migration");
    const all = ["sweep", scenario, "--over", "migrate.timeout=1ms,2ms", "--out", newFile()];
    expect((await precopy(all)).out).toContain("no migration completed");
  });
});

describe("plug-ins", () => {
  it("add strategies in the workers as well, with parameters to vary", async () => {
    const plugin = resolve("examples/plugins/hottest-first.mjs");
    const words = ["sweep", scenario, "--plugin", plugin, "-s", "pre-copy+hottest-first"];
    const { code, out, err } = await precopy([
      ...[...words, "--over", "least=1,4", "--out", newFile(), "--csv"],
    ]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.split("\r\n").filter((row) => row.includes(",true,"))).toHaveLength(2);
    const name = JSON.parse(linesOf(join(folder.path, `out-${files}.jsonl`))[0] as string);
    expect(Object.keys(name.inputs)).toEqual(["hottest-first.mjs", "small.yaml"]);
  });

  it("that break are bugs, told with their job, and do not stop the others", async () => {
    const plugin = folder.file(
      "broken.mjs",
      `export default function register(registry) {
        const xen = registry.listPresets().find(({ name }) => name === "xen");
        registry.addPreset({
          ...xen,
          name: "broken",
          createBandwidth() { throw new TypeError("breaks"); },
          createStopRule() { throw new TypeError("breaks"); },
        });
      }`,
    );
    const words = ["sweep", scenario, "--plugin", plugin, "-s", "pre-copy@broken", "-s", "suspend"];
    const { code, err } = await precopy([...words, ...MEMORY, "--out", newFile()]);
    expect(code).toBe(1);
    expect(err).toContain(
      "2 jobs of 4 failed by a bug in precopy or a plug-in, the first with guest.memory=16MiB, pre-copy@broken",
    );
    expect(err).toContain("TypeError: breaks");
  });
});

describe("files of something else", () => {
  it("are refused and left as they are", async () => {
    const words = ["sweep", scenario, ...GRID, "--out"];
    for (const content of ["notes", "notes\n", "{}\n", "[1]\n", '{"sweep":2}\n', '{"sweep":1}\n']) {
      const file = folder.file("notes.txt", content);
      const { code, err } = await precopy([...words, file]);
      expect({ content, code }).toEqual({ content, code: 2 });
      expect(err).toContain("is not the file of a sweep");
      expect(err).toContain("give another --out");
      expect(readFileSync(file, "utf8")).toBe(content);
    }
    expect((await precopy([...words, folder.path])).err).toContain("it is a folder");
    expect((await precopy([...words, join(scenario, "x")])).err).toContain("not a folder");
  });

  it("of other sweeps are refused with what differs", async () => {
    const out = newFile();
    const words = ["sweep", scenario, ...MEMORY, "--out", out];
    await precopy(words);
    const before = readFileSync(out, "utf8");
    const refused = async (...changed: string[]) => {
      const { code, err } = await precopy([...changed, "--out", out]);
      expect({ code, content: readFileSync(out, "utf8") }).toEqual({ code: 2, content: before });
      return err;
    };
    expect(await refused("sweep", scenario, ...GRID)).toContain("differ in what is varied");
    expect(await refused("sweep", scenario, ...MEMORY, "-s", "seed")).toContain("in strategies");
    expect(await refused("sweep", scenario, ...MEMORY, "--seed", "9")).toContain("in seeds");
    const edited = folder.file("small.yaml", SMALL.replace("2000/s", "2001/s"));
    expect(await refused("sweep", edited, ...MEMORY)).toContain("the content of small.yaml");
    folder.file("small.yaml", SMALL);
    writeFileSync(out, before.replace('"precopy":"', '"precopy":"9.'));
    expect((await precopy(words)).err).toContain("precopy 9.");
  });

  it("with lines that no sweep wrote are refused at the line", async () => {
    const out = newFile();
    const words = ["sweep", scenario, ...MEMORY, "--out", out];
    await precopy(words);
    const lines = linesOf(out);
    const add = async (line: string) => {
      writeFileSync(out, `${lines.join("\n")}\n`);
      appendFileSync(out, `${line}\n`);
      const { code, err } = await precopy(words);
      expect(code).toBe(2);
      return err;
    };
    expect(await add("{")).toContain(`${out}:4: is not the line of a job`);
    expect(await add("")).toContain("is not the line of a job");
    expect(await add((lines[1] as string).replace(/"job":"./, '"job":"x'))).toContain(
      "a job that the sweep does not have",
    );
    expect(await add((lines[1] as string).replace(/"totalNs":\d+/, '"totalNs":-1'))).toContain(
      "is not the line of a job",
    );
    expect(await add((lines[1] as string).replace(/"totalNs":\d+/, '"totalNs":1'))).toContain(
      "another result of this job was there already",
    );
  });
});
