/** What `serve` and `migrate` say of words that cannot be meant, before a guest moves. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServe } from "./live-cli.js";
import { precopy, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

describe("mistakes", () => {
  const TINY = ["migrate", "--to", ":1", "--guest", "tiny"];
  it.each([
    ["serve --listen 0.0.0.0:0", "can be reached from other machines and there is no secret"],
    ["serve --listen nowhere", "write HOST:PORT"],
    ["serve --listen :0 --tls-cert x.pem", "TLS needs both"],
    ["serve --listen :0 --secret-file no/such", "no/such: cannot be read"],
    ["migrate --to :1 --guest mac", 'there is no guest "mac"'],
    ["migrate --to :1 --guest package.json", "is no guest that --save-state has written"],
    ["migrate --to :1 --guest tiny --memory 16", "write a number and a unit"],
    ["migrate --to :1 --guest tiny --bandwidth 0Mbit/s", "Write a rate above 0"],
    ["migrate --to :1 --guest tiny -s pre-coffee", 'there is no strategy "pre-coffee"'],
  ])("%s: %s", async (words, reason) => {
    const { code, err, out } = await precopy(words.split(" "));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(reason);
  });

  it.each([
    ["speed=1", '"speed=1" is no word of the tiny guest'],
    ["pages=many", "gives no number"],
    ["pattern=plaid", 'no pattern "plaid"'],
    ["pages=99999999", "give a whole number"],
  ])("--workload %s: %s", async (workload, reason) => {
    const { code, err } = await precopy([...TINY, "--workload", workload]);
    expect(code).toBe(2);
    expect(err).toContain(reason);
  });

  it("too little memory for the pages, an unfit strategy, a short secret", async () => {
    const small = await precopy([...TINY, "--workload", "pages=20000"]);
    expect(small.err).toContain("does not hold the tiny guest's pages");
    const oracle = await precopy([...TINY, "--warm", "0s", "-s", "pre-copy+oracle"]);
    expect(oracle.err).toContain("no real machine can tell");
    const short = await precopy(TINY, { env: { PRECOPY_SECRET: "short" } });
    expect(short.err).toContain("at least 8 are needed");
    expect([small.code, oracle.code, short.code]).toEqual([2, 2, 2]);
  });

  it("a port that is taken", async () => {
    const { serve, address } = await startServe();
    const { code, err } = await precopy(["serve", "--listen", address]);
    serve.interrupt();
    await serve.code;
    expect(code).toBe(2);
    expect(err).toContain("another process has the port");
  });

  it("a guest of the cache folder where there is none", async () => {
    const env = { LINUX_GUEST_DIR: folder.path };
    const words = ["migrate", "--to", ":1", "--guest", "linux"];
    const { code, err } = await precopy(words, { env });
    expect(code).toBe(2);
    expect(err).toContain("npm run linux-guest");
    const unknown = await precopy([...words, "--workload", "chess"], { env });
    expect(unknown.err).toContain('the Linux guest has no workload "chess"');
  });
});
