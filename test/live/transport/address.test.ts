import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../../src/base/errors.js";
import { formatAddress, parseAddress } from "../../../src/live/transport/address.js";

describe("parseAddress", () => {
  it("reads names, IPv4, IPv6 in brackets, and a port alone as this machine", () => {
    expect(parseAddress("target.example:4444")).toEqual({ host: "target.example", port: 4444 });
    expect(parseAddress("10.0.0.2:0")).toEqual({ host: "10.0.0.2", port: 0 });
    expect(parseAddress("[::1]:65535")).toEqual({ host: "::1", port: 65_535 });
    expect(parseAddress("[fe80::1%eth0]:80")).toEqual({ host: "fe80::1%eth0", port: 80 });
    expect(parseAddress(":4444")).toEqual({ host: "127.0.0.1", port: 4444 });
  });

  it("is undone by formatAddress", () => {
    for (const text of ["a.b:1", "10.0.0.2:4444", "[::1]:4444"]) {
      expect(formatAddress(parseAddress(text))).toBe(text);
    }
  });

  it("refuses what is no address, in one sentence with the value", () => {
    const bad = ["", "host", "host:", "host:x", "host:-1", "host:123456", "a b:1", "tcp://h:1"];
    for (const text of [...bad, "[::1]", "[host:1", "host:70000", `${"h".repeat(300)}:1`]) {
      expect(() => parseAddress(text), text).toThrow(PrecopyError);
    }
    expect(() => parseAddress("::1:4444")).toThrow("IPv6 address in brackets");
    expect(() => parseAddress("host:70000")).toThrow("70000");
  });
});
