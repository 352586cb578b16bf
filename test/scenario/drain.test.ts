/** Drain files: what they say, and mistakes told with the field and its line. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadDrain } from "../../src/scenario/drain.js";

const FILE = `link: 1Gbit/s
strategy: pre-copy+kubevirt
downtime-limit: 200ms
guests:
  - name: a
    memory: 1GiB
    zero: 0.25
    rates: 1s=8MiB/s,5s=6000pages
  - name: b
    memory: 2GiB
    rates: 1s=1MiB/s
    strategy: pre-copy@xen
    downtime-limit: 1s
`;

describe("a drain file", () => {
  it("tells the link, the guests and what each is moved by", () => {
    const { linkBytesPerSec, atOnceMax, guests } = loadDrain(FILE, "d.yaml");
    expect(linkBytesPerSec).toBe(125e6);
    expect(atOnceMax).toBe(2);
    expect(guests[0]).toEqual({
      name: "a",
      input: {
        guest: {
          kind: "rates",
          pages: 262_144,
          dirtied: [
            { windowSec: 1, pages: 2048 },
            { windowSec: 5, pages: 6000 },
          ],
        },
        content: { zeroShare: 0.25 },
        strategy: "pre-copy+kubevirt@qemu102",
        downtimeLimitMs: 200,
      },
    });
    expect(guests[1]?.input).toMatchObject({ strategy: "pre-copy@xen", downtimeLimitMs: 1000 });
  });

  it("is also JSON, and may have no guests", () => {
    expect(loadDrain('{"link": "1Gbit/s", "guests": []}', "d.json").guests).toEqual([]);
  });

  it("is there as an example", () => {
    const text = readFileSync(
      new URL("../../examples/drain/four-guests.yaml", import.meta.url),
      "utf8",
    );
    expect(loadDrain(text, "drain.yaml").guests.map(({ name }) => name)).toContain("database");
  });

  it.each([
    ["link: 1Gbit/s", "link: 10", /d\.yaml:1:7: link: 10 has no unit/],
    ["memory: 2GiB", "memory: 2XiB", /guests\.1\.memory/],
    ["zero: 0.25", "zero: 25", /d\.yaml:7:11: guests\.0\.zero: 25 must be a number from 0 to 1/],
    ["1s=1MiB/s", "fast", /guests\.1\.rates/],
    ["pre-copy@xen", "teleport", /guests\.1\.strategy/],
    ["name: b", "name: a", /d\.yaml:9:11: guests\.1\.name: "a" is the name of a guest above/],
    ["zero:", "zeros:", /guests\.0\.zeros: is no key here: did you mean "zero"/],
    ["guests:", "guest:", /guests/],
    ["link: 1Gbit/s\n", "", /link: missing: give a rate, as in 10Gbit\/s/],
    [FILE, "", /d\.yaml/],
    [FILE, "- 1", /must be a mapping/],
  ])("with %j written as %j is refused at its place", (right, wrong, message) => {
    expect(() => loadDrain(FILE.replace(right, wrong), "d.yaml")).toThrow(message);
  });

  it("is refused where it is endless", () => {
    const guest = "  - {name: x, memory: 1GiB, rates: 1s=1MiB/s}\n";
    const text = `link: 1Gbit/s\nguests:\n${guest.repeat(300)}`;
    expect(() => loadDrain(text, "d.yaml")).toThrow(/has 300 entries: the limit is 256/);
  });
});
