/** A scenario whose link breaks, from its YAML to the exit code. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { precopy, SMALL, temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

/** The link goes down while the guest moves; a migration sits out 50 ms of it. */
function broken(outage: string, strategy: string): string {
  const text = SMALL.replace("[xen-a, xen-b] }", `[xen-a, xen-b], outages: [${outage}] }`).replace(
    "to: xen-b }",
    `to: xen-b, strategy: "${strategy}", link-timeout: 50ms }`,
  );
  return folder.file(`${strategy.replace(/\W/g, "-")}.yaml`, text);
}

describe("an outage in a scenario", () => {
  it("gives the move up, and the guest stays: exit 4", async () => {
    const file = broken("{ at: 200ms, for: 1s }", "pre-copy@xen");
    const { code, out } = await precopy(["run", file]);
    expect(code).toBe(4);
    expect(out).toContain("Aborted");
    expect(out).toContain("the link to the target was lost");
  });

  it("is sat out where it is shorter than the time-out: exit 0", async () => {
    const file = broken("{ at: 200ms, for: 40ms }", "pre-copy@xen-skip");
    expect((await precopy(["run", file])).code).toBe(0);
  });

  it("loses a guest half of whose pages have followed it: exit 4", async () => {
    const file = broken("{ at: 200ms, for: 1s }", "post-copy");
    const { code, out } = await precopy(["run", file]);
    expect(code).toBe(4);
    expect(out).toMatch(/[Ll]ost/);
  });

  it("pauses it where recovery is on: exit 0", async () => {
    const file = broken("{ at: 200ms, for: 1s }", "post-copy:recover");
    expect((await precopy(["run", file])).code).toBe(0);
  });

  it("is refused with its place when it cannot be", async () => {
    const file = broken("{ at: soon }", "hybrid");
    const { code, err } = await precopy(["run", file]);
    expect(code).toBe(2);
    expect(err).toContain("outages");
  });
});
