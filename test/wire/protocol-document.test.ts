/** docs/PROTOCOL.md names every message with its number, and the limits as they are. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS, FRAME_PAGES_MAX, SECRET_BYTES_MIN } from "../../src/wire/index.js";
import { kindOf } from "../../src/wire/message-body.js";

const text = readFileSync(new URL("../../docs/PROTOCOL.md", import.meta.url), "utf8");

describe("docs/PROTOCOL.md", () => {
  it("has each message under its number, and no other", () => {
    const named = [...text.matchAll(/(\d+) `([a-z-]+)`/g)].map(([, n, kind]) => [Number(n), kind]);
    const known = Array.from({ length: 256 }, (_, n) => [
      n,
      kindOf(n, n < 128 ? "source" : "target"),
    ]).filter(([, kind]) => kind !== undefined);
    expect(named).toEqual(known);
    expect(known).toHaveLength(25);
  });

  it("has the limits that hold", () => {
    expect(text).toContain(`${SECRET_BYTES_MIN} is the least`);
    expect(FRAME_PAGES_MAX).toBe(1024);
    expect(DEFAULT_LIMITS.frameBytesMax).toBe(8 * 2 ** 20 + 16 * 2 ** 10);
  });
});
