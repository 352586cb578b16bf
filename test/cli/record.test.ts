/** `precopy record`: a live guest becomes a trace that the other commands take, whole or not at all. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadTraceFile } from "../../src/cli/trace-files.js";
import { precopy, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

const HOT = "pattern=hot pages=400 fill=100 rate=4000 hotpages=40";
const TINY = ["record", "--guest", "tiny", "--memory", "16MiB", "--warm", "1s", "--workload", HOT];

describe("precopy record", () => {
  it.each([
    { clock: "wall", shown: "time", name: "wall.trace.gz" },
    { clock: "instructions", shown: "instructions", name: "instructions.trace" },
  ])(
    "writes a trace on the clock $clock",
    async ({ clock, shown, name }) => {
      const file = join(folder.path, name);
      const clocked = ["--clock", clock, "--instruction-rate", "5M"];
      const words = ["--time", "800ms", "--interval", "5ms", ...clocked, "-o", file];
      const { code, out, err } = await precopy([...TINY, ...words]);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toMatch(/: \d+ intervals?, .* pages written and .* referenced in each, .*B\n$/);
      const { trace, format } = await loadTraceFile(file);
      expect(format).toBe("native");
      const wanted = { pages: 4096, hasReads: true, hasInstructions: true, clock: shown };
      expect(trace).toMatchObject({ ...wanted, source: `precopy record tiny ${HOT}` });
      expect(new Set(trace.columns.writtenPages).size).toBeGreaterThan(40);
    },
    60_000,
  );

  it("keeps a whole trace at Ctrl-C, and shows no file before", async () => {
    const file = join(folder.path, "interrupted.trace");
    const loader = `file://${resolve("node_modules/tsx/dist/loader.mjs")}`;
    const node = ["--import", loader, resolve("src/cli/main.ts"), ...TINY];
    const child = spawn(process.execPath, [...node, "--time", "1h", "-o", file], {
      stdio: "ignore",
    });
    try {
      const endMs = performance.now() + 40_000;
      while (unfinishedFiles().length === 0 && performance.now() < endMs) {
        await new Promise((wake) => setTimeout(wake, 20));
      }
      await new Promise((wake) => setTimeout(wake, 300));
      expect(existsSync(file)).toBe(false);
      const closed = once(child, "close");
      child.kill("SIGINT");
      expect(await closed).toEqual([0, null]);
    } finally {
      child.kill("SIGKILL");
    }
    expect(unfinishedFiles()).toEqual([]);
    const { trace } = await loadTraceFile(file);
    expect(trace.intervals).toBeGreaterThan(0);
    expect(trace.pages).toBe(4096);
  }, 60_000);

  it("leaves nothing when it is interrupted before it records", async () => {
    const file = join(folder.path, "early.trace");
    const { code, err } = await precopy([...TINY, "-o", file], { interrupts: 1 });
    expect({ code, err }).toMatchObject({ code: 130, err: expect.stringContaining("before") });
    expect(existsSync(file)).toBe(false);
  }, 30_000);

  it.each([
    { words: ["--workload", "pattern=often"], says: 'no pattern "often"' },
    { words: ["--workload", "page=3"], says: '"page=3" is no word' },
    { words: ["--workload", "pages=9000", "--memory", "16MiB"], says: "does not hold" },
    { words: ["--interval", "10us"], says: "shorter than a turn" },
    { words: ["--time", "1ms"], says: "no whole interval" },
    { words: ["--clock", "sun"], says: "wall or instructions" },
    { words: ["--instruction-rate", "0"], says: "a number over 0" },
    { words: ["--guest", "gone.state"], says: 'no guest "gone.state"' },
  ])(
    "refuses $words",
    async ({ words, says }) => {
      const file = join(folder.path, "refused.trace");
      const { code, err } = await precopy(["record", "--guest", "tiny", ...words, "-o", file]);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(says) });
      expect(existsSync(file)).toBe(false);
    },
    30_000,
  );
});

function unfinishedFiles(): string[] {
  return readdirSync(folder.path).filter((name) => name.includes("unfinished"));
}
