/** Real guests between processes: what the demonstration shows, and a target that is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { SMALL_GUEST } from "./live-cli.js";

const LOADER = resolve("node_modules/tsx/dist/loader.mjs");
const MAIN = resolve("src/cli/main.ts");

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  }
});

interface Program {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  /** Exit status, when both streams have ended. */
  readonly code: Promise<number | null>;
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
}

function start(...words: string[]): Program {
  const node = ["--import", `file://${LOADER}`, MAIN, ...words];
  const child = spawn(process.execPath, node, { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let [out, err] = ["", ""];
  child.stdout?.on("data", (text) => {
    out += text;
  });
  child.stderr?.on("data", (text) => {
    err += text;
  });
  const code = once(child, "close").then(([status]) => status as number | null);
  return {
    ...{ child, code, out: () => out, err: () => err },
    async waitFor(pattern) {
      for (;;) {
        const found = pattern.exec(out);
        if (found !== null) return found;
        if (child.exitCode !== null) throw new Error(`it ended without ${pattern}: ${out}${err}`);
        await new Promise((wake) => setTimeout(wake, 10));
      }
    },
  };
}

async function startServe(...words: string[]) {
  const serve = start("serve", "--listen", "127.0.0.1:0", "--json", ...words);
  const [, address = ""] = await serve.waitFor(/"address":"([^"]+)"/);
  return { serve, address };
}

describe("two processes", () => {
  it("move a guest, and both end by themselves", async () => {
    const { serve, address } = await startServe("--once", "--run-for", "300ms");
    const source = start("migrate", "--to", address, ...SMALL_GUEST, "--verify", "--json");
    const codes = [await source.code, await serve.code];
    expect({ codes, err: source.err() + serve.err() }).toEqual({ codes: [0, 0], err: "" });
    const [result] = JSON.parse(source.out()).migrations;
    expect(result).toMatchObject({ outcome: "target-runs", live: { verified: true } });
    expect(serve.out()).toContain('"event":"runs"');
  });

  it("move a guest whose pages follow it, where the target takes such", async () => {
    const { serve, address } = await startServe("--post-copy", "--once", "--run-for", "300ms");
    const how = ["-s", "post-copy+zero", "--json"];
    const source = start("migrate", "--to", address, ...SMALL_GUEST, ...how);
    const codes = [await source.code, await serve.code];
    expect({ codes, err: source.err() + serve.err() }).toEqual({ codes: [0, 0], err: "" });
    const [result] = JSON.parse(source.out()).migrations;
    expect(result).toMatchObject({ outcome: "target-runs", rounds: [] });
    expect(result.residualPages).toBeGreaterThan(1000);
    expect(serve.out()).toMatch(/"event":"runs".*"event":"followed"/s);
  });

  it("leave the guest at the source when the target is killed", async () => {
    const { serve, address } = await startServe();
    const slow = ["--bandwidth", "1Mbit/s", "-s", "pre-copy"];
    const source = start("migrate", "--to", address, ...SMALL_GUEST, ...slow);
    await serve.waitFor(/"arriving"/);
    serve.child.kill("SIGKILL");
    expect(await source.code).toBe(4);
    expect(source.err()).toMatch(/tiny did not move: .*tiny ran on here/);
  });

  it("are what the demonstration starts, and the counter goes on", async () => {
    const demo = start("demo");
    expect({ code: await demo.code, err: demo.err() }).toEqual({ code: 0, err: "" });
    const out = demo.out();
    expect(out).toMatch(/moved alive: \d+ reports at the source, then \d+ at the target: no gap/);
    const numbers = (where: string) =>
      [...out.matchAll(new RegExp(`${where} +tiny n=(\\d+)`, "g"))].map(([, n]) => Number(n));
    const [here, there] = [numbers("source"), numbers("target")];
    expect(here.length).toBeGreaterThan(2);
    expect(there[0]).toBe((here.at(-1) as number) + 1);
  });
});
