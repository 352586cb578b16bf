/** Guests in files: what is written comes back, and nothing else is taken for one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStateFile, writeStateFile } from "../../src/cli/live/state-file.js";
import { temporaryFolder } from "./run-cli.js";

let folder: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => folder.remove());

const bytes = (...values: number[]) => Uint8Array.from(values);
const GUEST = {
  ...{ name: "web", memoryBytes: 2 ** 24, vgaMemoryBytes: 2 ** 18 },
  firmware: { bios: bytes(1, 2), vgaBios: bytes(3) },
  boot: { state: bytes(10, 0, 255, 10) },
};

async function packed(head: unknown, ...rest: number[]): Promise<string> {
  const path = join(folder.path, "made.guest");
  const text = typeof head === "string" ? head : `${JSON.stringify(head)}\n`;
  writeFileSync(path, gzipSync(Buffer.concat([Buffer.from(text), bytes(...rest)])));
  return path;
}

describe("a guest's file", () => {
  it("comes back with its firmware, or without where it had none", async () => {
    const path = join(folder.path, "web.guest");
    await writeStateFile(path, GUEST);
    expect(await readStateFile(path)).toEqual(GUEST);
    const { firmware: _, vgaMemoryBytes: __, ...bare } = GUEST;
    await writeStateFile(path, bare);
    expect(await readStateFile(path)).toEqual(bare);
  });

  it("names itself, so that other programs can read it", async () => {
    const path = join(folder.path, "named.guest");
    await writeStateFile(path, GUEST);
    const text = gunzipSync(readFileSync(path)).toString("latin1");
    expect(text.startsWith('{"precopyGuest":1,"name":"web","memoryBytes":16777216')).toBe(true);
  });

  const HEAD = { precopyGuest: 1, name: "x", memoryBytes: 4096, parts: [2, 0, 0] };
  it.each([
    ["no JSON", "{precopy\n", []],
    ["no end of its head", "x".repeat(9000), []],
    ["null", null, []],
    ["another format", { ...HEAD, precopyGuest: 2 }, [1, 2]],
    ["no name", { ...HEAD, name: 7 }, [1, 2]],
    ["a size that is none", { ...HEAD, memoryBytes: -1 }, [1, 2]],
    ["parts that are none", { ...HEAD, parts: [2, 0] }, [1, 2]],
    ["less than it says", HEAD, [1]],
    ["more than it says", HEAD, [1, 2, 3]],
  ])("is refused with %s", async (_, head, rest) => {
    const path = await packed(head, ...rest);
    await expect(readStateFile(path)).rejects.toThrow(/made\.guest: is no guest/);
    expect(await readStateFile(await packed(HEAD, 1, 2))).toMatchObject({ name: "x" });
  });

  it("is refused where it is not packed, or not there", async () => {
    const plain = folder.file("plain.guest", "hello");
    await expect(readStateFile(plain)).rejects.toThrow(/is no guest/);
    await expect(readStateFile(join(folder.path, "gone"))).rejects.toThrow(/cannot be read/);
  });
});
