/** `serve` and `migrate`: real guests, over loopback, between commands in one process. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseDuration } from "../../src/base/units.js";
import { parseTinyReports } from "../../src/live/guests/tiny-reports.js";
import { eventsOf, type RunningCli, SMALL_GUEST, startCli, startServe } from "./live-cli.js";
import { precopy, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

const serving: RunningCli[] = [];
afterEach(async () => {
  for (const serve of serving.splice(0)) {
    // A guest that runs there is asked for twice.
    serve.interrupt();
    serve.interrupt();
    await serve.code;
  }
});

async function serveWith(...words: string[]) {
  const started = await startServe(words);
  serving.push(started.serve);
  return started;
}

const TLS = "test/fixtures/tls-localhost.pem";

describe("a guest that moves", () => {
  it("is reported as a simulated one is, and counts on", async () => {
    const { serve, address } = await serveWith("--once", "--run-for", "700ms", "--serial");
    const csv = join(folder.path, "csv");
    const trace = join(folder.path, "trace.json");
    const words = ["--verify", "--serial", "--csv", csv, "--trace-events", trace, "--json"];
    const moved = await precopy(["migrate", "--to", address, ...SMALL_GUEST, ...words]);
    expect({ code: moved.code, serve: await serve.code }).toEqual({ code: 0, serve: 0 });
    const { schemaVersion, migrations } = JSON.parse(moved.out);
    expect(schemaVersion).toBe(1);
    const [result] = migrations;
    expect(result).toMatchObject({ guest: "tiny", outcome: "target-runs", pages: 4096 });
    expect(result.live).toMatchObject({ verified: true });
    expect(result.live.checkedPages).toBe(result.pagesSent);
    expect(result.live.downtimeWithoutVerifyNs).toBe(result.downtimeNs - result.live.verifyNs);
    expect(result.verified).toMatchObject({ allMemoryEqualBeforeCommit: true });
    expect(readFileSync(join(csv, "rounds.csv"), "utf8").split("\r\n")).toHaveLength(
      result.rounds.length + 2,
    );
    expect(JSON.parse(readFileSync(trace, "utf8")).traceEvents.length).toBeGreaterThan(5);
    const events = eventsOf(serve);
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["listening", "arriving", "whole", "runs", "serial"]),
    );
    expect(events.find(({ event }) => event === "whole")).toMatchObject({
      checkedPages: result.live.checkedPages,
    });
    const there = events.filter(({ event }) => event === "serial").map(({ text }) => text);
    const judged = parseTinyReports(moved.err + there.join(""));
    expect(judged).toMatchObject({ sound: true, starts: 1 });
    expect(judged.reports.length).toBeGreaterThan(parseTinyReports(moved.err).reports.length);
  });

  it("is told of in words, with what was measured and the command", async () => {
    const { address } = await serveWith("--once");
    const limits = ["--max-downtime", "1ns", "--bandwidth", "200Mbit/s"];
    const words = ["migrate", "--to", address, ...SMALL_GUEST, ...limits];
    const { code, out, err } = await precopy(words);
    expect(code).toBe(3);
    expect(err).toContain("limit missed: downtime of tiny");
    expect(out).toMatch(/^tiny +16 MiB, 4,096 pages +here → 127\.0\.0\.1:\d+ +200 Mbit\/s/);
    for (const label of ["guest share", "link use", "rehearsal", "arrived", "✗ downtime"]) {
      expect(out).toContain(label);
    }
    expect(out).toMatch(/guest +\d+ reports up to \d+, no gap, no repeat, nothing bad/);
    expect(out).toContain(`repeat           precopy migrate --to ${address} --guest tiny`);
  });

  it("has a line of progress on a terminal, whose estimate never grows", async () => {
    const { address } = await serveWith("--once");
    const guest = ["--guest", "tiny", "--memory", "16MiB", "--warm", "0s", "--json"];
    const load = ["--workload", "pattern=hot pages=1000 fill=500 rate=500"];
    const words = ["migrate", "--to", address, ...guest, ...load, "--bandwidth", "12Mbit/s"];
    const source = startCli(words, {}, { isTTY: true, columns: 200 });
    expect(await source.code).toBe(0);
    const drawn = source.err().split("\r\u001b[2K");
    const lines = drawn.filter((line) => /^tiny .* left {2}sends .*bit\/s {2}dirties /.test(line));
    expect(lines.length).toBeGreaterThan(5);
    const estimates = lines.flatMap((line) => {
      const [, text] = / ready in ([\d.]+ \S+)/.exec(line) ?? [];
      return text === undefined ? [] : [parseDuration(text)];
    });
    expect(estimates.length).toBeGreaterThan(2);
    expect(estimates).toEqual([...estimates].sort((a, b) => b - a));
  });

  it("is let in over TLS with a secret, and not without either", async () => {
    const secret = folder.file("secret", "correct horse battery\n");
    const more = ["--tls-cert", TLS, "--tls-key", TLS, "--secret-file", secret];
    const { serve, address } = await serveWith("--once", "--run-for", "1ms", ...more);
    const to = ["--to", address.replace("127.0.0.1", "localhost"), ...SMALL_GUEST];
    const plain = await precopy(["migrate", ...to]);
    expect(plain.code).toBe(4);
    const noSecret = await precopy(["migrate", ...to, "--tls-ca", TLS]);
    expect(noSecret.err).toMatch(/did not move: .*secret/);
    const env = { PRECOPY_SECRET: "wrong horse battery" };
    const wrong = await precopy(["migrate", ...to, "--tls-ca", TLS], { env });
    expect(wrong.err).toMatch(/did not move: .*secret/);
    expect(wrong.err).toContain("tiny ran on here");
    const right = await precopy(["migrate", ...to, "--tls-ca", TLS, "--secret-file", secret]);
    expect({ code: right.code, serve: await serve.code }).toEqual({ code: 0, serve: 0 });
    expect(eventsOf(serve).filter(({ event }) => event === "refused").length).toBeGreaterThan(1);
  });

  it("goes on from a file at either end", async () => {
    const [first, second] = [join(folder.path, "a.guest"), join(folder.path, "b.guest")];
    // Nothing listens at port 1.
    const to = ["migrate", "--to", "127.0.0.1:1", ...SMALL_GUEST, "--save-state", first];
    const stayed = await precopy(to);
    expect(stayed.code).toBe(4);
    expect(stayed.err).toContain(`it is kept in ${first}`);
    const { serve, address } = await serveWith("--run-for", "200ms", "--save-state", second);
    const guest = ["--guest", first, "--warm", "100ms"];
    expect((await precopy(["migrate", "--to", address, ...guest])).code).toBe(0);
    expect(await serve.code).toBe(0);
    expect(eventsOf(serve).at(-1)).toMatchObject({ event: "saved", path: second, guest: "tiny" });
    const { address: next } = await serveWith("--once");
    const again = await precopy(["migrate", "--to", next, "--guest", second, "--warm", "0s"]);
    expect(again.code).toBe(0);
  });
});

describe("a guest that is not taken", () => {
  it("would have to run there before its pages have come", async () => {
    const { address } = await serveWith();
    const words = ["migrate", "--to", address, ...SMALL_GUEST, "-s", "post-copy"];
    const { code, err } = await precopy(words);
    expect(code).toBe(4);
    expect(err).toContain("take a strategy without post-copy");
  });

  it("stays where it runs, with 4 and the reason", async () => {
    const { serve, address } = await serveWith("--max-memory", "8MiB");
    const large = await precopy(["migrate", "--to", address, ...SMALL_GUEST]);
    expect(large.code).toBe(4);
    expect(large.err).toMatch(/did not move: .*16777216 bytes.*8388608/);
    expect(large.out).toContain("the source runs on");
    expect(eventsOf(serve).at(-1)).toMatchObject({ event: "gone" });
  });

  it("is one too many for the memory of all", async () => {
    const { address } = await serveWith("--max-memory", "24MiB");
    const words = ["migrate", "--to", address, ...SMALL_GUEST];
    expect((await precopy(words)).code).toBe(0);
    const second = await precopy(words);
    expect(second.code).toBe(4);
    expect(second.err).toContain("more than --max-memory 24 MiB");
  });

  it("ends a target that was to take one", async () => {
    const { serve, address } = await serveWith("--once");
    // As long as 16 MiB last at a megabit, there is time.
    const slow = ["--bandwidth", "1Mbit/s", "-s", "pre-copy"];
    const source = startCli(["migrate", "--to", address, ...SMALL_GUEST, ...slow]);
    await serve.waitFor(/"arriving"/);
    source.interrupt();
    expect(await source.code).toBe(130);
    expect(source.err()).toMatch(/the migration was cancelled: tiny ran on here, and ended/);
    expect(source.out()).toContain("the source runs on");
    expect(await serve.code).toBe(4);
    expect(eventsOf(serve).at(-1)).toMatchObject({ event: "gone", reason: "cancelled" });
  });

  it("is given back when the target is ended", async () => {
    const { serve, address } = await serveWith();
    const slow = ["--bandwidth", "1Mbit/s", "-s", "pre-copy"];
    const source = startCli(["migrate", "--to", address, ...SMALL_GUEST, ...slow]);
    await serve.waitFor(/"arriving"/);
    serve.interrupt();
    expect(await serve.code).toBe(130);
    expect(await source.code).toBe(4);
    expect(source.err()).toMatch(/did not move: .*the target was ended/);
  });
});

describe("Ctrl-C", () => {
  it("ends a guest that runs at the target only when it comes twice", async () => {
    const { serve, address } = await serveWith();
    expect((await precopy(["migrate", "--to", address, ...SMALL_GUEST])).code).toBe(0);
    await serve.waitFor(/"runs"/);
    serve.interrupt();
    expect(serve.err()).toContain("tiny runs here and is lost when this ends: Ctrl-C again");
    serve.interrupt();
    expect(await serve.code).toBe(130);
    expect(serve.err()).toContain("tiny ran here and is lost");
  });

  it("comes before the guest has begun to move", async () => {
    const source = startCli(["migrate", "--to", ":1", "--guest", "tiny", "--warm", "1min"]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    while (source.err() === "") {
      source.interrupt();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await source.code).toBe(130);
    expect(source.err()).toContain("before the guest began to move");
  });
});
