/** The program as a process of its own: streams, signals and exit status are the system's. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
let scenario = "";

beforeAll(() => {
  folder = temporaryFolder();
  scenario = folder.file("small.yaml", SMALL);
});
afterAll(() => folder.remove());

const LOADER = resolve("node_modules/tsx/dist/loader.mjs");
const MAIN = resolve("src/cli/main.ts");

/** Without tsx's own process in between, so that signals reach the program alone. */
function start(...words: string[]): ChildProcess {
  const node = ["--import", `file://${LOADER}`, MAIN, ...words];
  return spawn(process.execPath, node, { cwd: folder.path, stdio: ["ignore", "pipe", "pipe"] });
}

async function finished(child: ChildProcess) {
  let out = "";
  let err = "";
  child.stdout?.on("data", (text) => {
    out += text;
  });
  child.stderr?.on("data", (text) => {
    err += text;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, out, err };
}

describe("the program", () => {
  it("reads from a pipe what another tool prints", async () => {
    // A shell's pipe: Node's own are sockets, which nobody can open by name.
    const node = `"${process.execPath}" --import "file://${LOADER}" "${MAIN}"`;
    const words = "forecast --from /dev/stdin --memory 1GiB --link 1Gbit/s --json";
    const shell = `printf 'window rate\\n1s 3MiB/s\\n4s 1MiB/s\\n' | ${node} ${words}`;
    const { code, out } = await finished(spawn("sh", ["-c", shell], { cwd: folder.path }));
    expect(code).toBe(0);
    const [said] = JSON.parse(out).forecasts;
    expect(said.dirtied).toEqual([
      { windowNs: 1e9, pages: 768 },
      { windowNs: 4e9, pages: 1024 },
    ]);
  }, 30_000);

  it("writes results to stdout, nothing to stderr, and exits with 0", async () => {
    const { code, out, err } = await finished(start("run", scenario, "--json"));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out).migrations).toHaveLength(1);
  }, 30_000);

  it("exits with 2 for bad input", async () => {
    const { code, out, err } = await finished(start("run", "gone.yaml"));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("gone.yaml");
  }, 30_000);

  it("is silent when its reader stops reading", async () => {
    const child = start("schema");
    child.stdout?.destroy();
    const { signal, err } = await finished(child);
    expect({ signal, err }).toEqual({ signal: null, err: "" });
  }, 30_000);

  it("is interrupted by Ctrl-C with 130", async () => {
    const far = folder.file("far.yaml", SMALL.replace("memory: 64MiB", "memory: 4GiB"));
    const child = start("compare", far, "--runs", "500");
    const done = finished(child);
    // Running for sure: the loader and the first simulations take part of this time.
    const timer = setInterval(() => child.kill("SIGINT"), 5000);
    const { code, signal, out, err } = await done;
    clearInterval(timer);
    expect({ code, signal, out }).toEqual({ code: 130, signal: null, out: "" });
    expect(err).toContain("interrupted");
  }, 30_000);
});
