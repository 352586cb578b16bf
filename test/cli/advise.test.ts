/** `precopy advise`: texts, JSON, exit codes and mistakes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { precopy, temporaryFolder } from "./run-cli.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const GUEST = ["--memory", "256MiB", "--throughput", "100MB/s", "--guest", "it's"];
const QUIET = [...GUEST, "--rate", "1s=2MiB/s,5s=1MiB/s"];
const BUSY = [...GUEST, "--rate", "1s=200MiB/s,5s=48MiB/s"];

describe("precopy advise", () => {
  it("says that nothing has to be changed", async () => {
    const { code, out } = await precopy(["advise", ...QUIET]);
    expect(code).toBe(0);
    expect(out).toMatch(/^change {4}nothing: it meets what is wanted, with [\d.]+ % .* to spare$/m);
  });

  it("says what to change, what it costs, and what to paste, within the terminal", async () => {
    const words = ["advise", ...BUSY, "--accept-downtime", "1s", "--for", "virsh", "--all"];
    const { code, out } = await precopy(words, { terminalColumns: 90, env: { NO_COLOR: "1" } });
    expect(code).toBe(0);
    expect(out).toMatch(/^as asked {2}does not converge/m);
    expect(out).toMatch(/^advised {3}/m);
    expect(out).toMatch(/ Cost: /);
    expect(out).toContain("--auto-converge --domain 'it'\\''s'");
    const prose = out.split("\n").filter((line) => !/^(virsh|#|it's)/.test(line));
    expect(Math.max(...prose.map((line) => line.length))).toBeLessThanOrEqual(90);
  });

  it("gives JSON whose advised option meets what is wanted", async () => {
    const { out } = await precopy(["advise", ...BUSY, "--json", "--within", "10min"]);
    const { schemaVersion, advices } = JSON.parse(out);
    expect(schemaVersion).toBe(1);
    const [{ name, options, recommended, asked, wanted, tool }] = advices;
    expect({ name, tool }).toEqual({ name: "it's", tool: "qmp" });
    expect(asked.meets).toBe(false);
    expect(wanted.totalMs).toBe(600_000);
    expect(options[recommended]).toMatchObject({ meets: true });
    expect(options[recommended].commands.length).toBeGreaterThan(0);
  });

  it("ends with 3 where nothing is enough", async () => {
    const words = ["advise", ...BUSY, "-s", "pre-copy@xen", "--accept-downtime", "50ms"];
    const { code, out } = await precopy(words);
    expect(code).toBe(3);
    expect(out).toContain("nothing that can be set is enough");
  });

  it.each([
    [["advise", ...BUSY, "--for", "vi"], /there is no tool "vi"/],
    [["advise", ...BUSY, "--accept-downtime", "0ms"], /goals\.downtimeMs is 0/],
    [["advise", "--memory", "1GiB", "--link", "1Gbit/s"], /what does the guest write/],
    [["advise", ...QUIET.slice(0, 4), "--rate", "1s=200MiB/s", "--guest", "-rf"], /guest/],
    [["advise", "--drain", "no-such.yaml"], /no-such\.yaml: cannot be read/],
  ])("refuses %j", async (words, message) => {
    const { code, err } = await precopy(words);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

describe("precopy advise --series", () => {
  it("names the quiet stretch of a series, and what it cannot tell", async () => {
    const lines = Array.from({ length: 6 }, (_, hour) => {
      const rate = hour === 3 ? 1e6 : 250e6;
      const labels = '{namespace="n",name="web"}';
      const at = (1_700_000_000 + 3600 * hour) * 1000;
      return `kubevirt_vmi_dirty_rate_bytes_per_second${labels} ${rate} ${at}`;
    });
    const path = join(folder.path, "rates.prom");
    writeFileSync(path, `${lines.join("\n")}\n`);
    const words = ["--memory", "256MiB", "--throughput", "100MB/s", "--series", path];
    const { code, out } = await precopy(["advise", ...words]);
    expect(code).toBe(0);
    expect(out).toMatch(/^best {6}2023-11-15 01:13Z: within what is wanted/m);
    expect(out).toMatch(/^unknown {3}the series spans 5 h/m);
  });
});

describe("precopy advise --drain", () => {
  it("plans the example, and ends with 3 where one guest is not within what is wanted", async () => {
    const { code, out } = await precopy(["advise", "--drain", "examples/drain/four-guests.yaml"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^order +starts +ends/m);
    const strict = [
      "advise",
      "--drain",
      "examples/drain/four-guests.yaml",
      "--accept-downtime",
      "1ms",
    ];
    expect((await precopy(strict)).code).toBe(3);
  });

  it("gives JSON, and points at a mistake in the file", async () => {
    const { out } = await precopy([
      "advise",
      "--drain",
      "examples/drain/four-guests.yaml",
      "--json",
    ]);
    const { guests, recommended, plans } = JSON.parse(out);
    expect(guests).toBe(4);
    expect(plans.map(({ atOnce }: { atOnce: number }) => atOnce)).toContain(recommended);
    const path = join(folder.path, "drain.yaml");
    const text = readFileSync("examples/drain/four-guests.yaml", "utf8").replace(
      "zero: 0.1",
      "zero: 10",
    );
    writeFileSync(path, text);
    const refused = await precopy(["advise", "--drain", path]);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/guests\.3\.zero: 10 must be a number from 0 to 1/);
  });
});
