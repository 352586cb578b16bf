/** The Linux guest: found in its folder or not, its shell, and that workloads see what is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpioArchive, FOLDER, PROGRAM } from "../../../scripts/linux-guest/cpio.js";
import { linuxGuest } from "../../../src/live/guests/linux-guest.js";
import {
  LINUX_WORKLOADS,
  type LinuxWorkloadName,
  linuxWorkload,
} from "../../../src/live/guests/linux-workloads.js";
import { withLinux } from "./linux-machine.js";

describe("linuxGuest", () => {
  const manifest = { format: 1, memoryBytes: 2 ** 27, stateBytes: 3, v86: "0.5.462", inputs: "" };
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "linux-guest-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, contents: string) => writeFileSync(join(folder, name), contents);

  it("tells why there is none", async () => {
    const found = await linuxGuest(folder);
    expect(found).toEqual({
      reason: `There is no Linux guest in ${folder}: run \`npm run linux-guest\` first.`,
    });
  });

  it("reads one", async () => {
    write("manifest.json", JSON.stringify({ ...manifest, packages: { "busybox-static": "1" } }));
    for (const [name, text] of [
      ["state", "abc"],
      ["bios.bin", "b"],
      ["vgabios.bin", "v"],
    ]) {
      write(name as string, text as string);
    }
    const { guest } = await linuxGuest(folder);
    expect(guest?.memoryBytes).toBe(2 ** 27);
    expect(Buffer.from(guest?.boot.state as Uint8Array).toString()).toBe("abc");
    expect(Buffer.from(guest?.firmware.vgaBios as Uint8Array).toString()).toBe("v");
  });

  it("refuses what is not whole", async () => {
    write("state", "ab");
    await expect(linuxGuest(folder)).rejects.toThrow(/state has 2 bytes .* says 3.*remove the/);
    rmSync(join(folder, "state"));
    await expect(linuxGuest(folder)).rejects.toThrow(/file state cannot be read/);
    for (const text of ["", "null", "[]", JSON.stringify({ ...manifest, format: 2 })]) {
      write("manifest.json", text);
      await expect(linuxGuest(folder)).rejects.toThrow(/The manifest is not/);
    }
  });
});

describe("linuxWorkload", () => {
  const line = (name: string, n: number, bad = 0) =>
    `${name} n=${`${n}`.padStart(6, "0")} ms=${n} writes=${n} scans=${n} bad=${bad}\n`;

  it("is a line for the shell", () => {
    expect(linuxWorkload("gzip").start).toBe("workload gzip &\n");
    const dirty = linuxWorkload("dirty", { pattern: "zipf", pages: 9 });
    expect(dirty.start).toBe("dirty pattern=zipf pages=9 &\n");
    expect(dirty.report.test(line("dirty", 1))).toBe(true);
  });

  it("judges its own lines, behind the prompt and between others", () => {
    const { judge } = linuxWorkload("sort");
    const text = `linux# linux# ${line("sort", 1)}${line("gzip", 7, 1)}hello\n${line("sort", 2)}so`;
    expect(judge(text).sound).toBe(true);
    expect(judge(text).reports.length).toBe(2);
    expect(judge(text + line("sort", 4)).sound).toBe(true);
    expect(judge(`${text}\n${line("sort", 4)}`).missing).toEqual([3]);
    expect(judge(`${text}\n${line("sort", 3, 1)}`).sound).toBe(false);
    expect(judge("linux# ").sound).toBe(false);
  });
});

describe("cpioArchive", () => {
  it("writes headers of 110 characters and pads to four bytes", () => {
    const contents = new TextEncoder().encode("hello");
    const entries = [
      { path: "bin", mode: FOLDER },
      { path: "bin/x", mode: PROGRAM, contents },
    ];
    const text = Buffer.from(cpioArchive(entries)).toString("latin1");
    const zeros = (count: number) => "00000000".repeat(count);
    const folder = `070701${"00000001"}${"000041ed"}${zeros(2)}${"00000002"}${zeros(6)}`;
    const program = `070701${"00000002"}${"000081ed"}${zeros(2)}${"00000001"}${zeros(1)}${"00000005"}`;
    expect(text.slice(0, 116)).toBe(`${folder}${"00000004"}${zeros(1)}bin\0\0\0`);
    const second = `${program}${zeros(4)}${"00000006"}${zeros(1)}bin/x\0hello\0\0\0`;
    expect(text.slice(116, 116 + 124)).toBe(second);
    expect(text.slice(240, 246)).toBe("070701");
    expect(text.slice(350)).toBe("TRAILER!!!\0\0\0\0");
  });
});

describe("on v86", () => {
  it("starts from the saved state and answers", async ({ skip }) => {
    const missing = await withLinux(async ({ send, waitFor }) => {
      send("echo six times seven is $((6 * 7)), on $(uname -sm)\n");
      await waitFor(/^six times seven is 42, on Linux i686\n/m);
    });
    if (missing !== undefined) skip(missing);
  });

  it("runs every workload without a fault, and again after it was stopped", async ({ skip }) => {
    const missing = await withLinux(async ({ send, text, waitFor }) => {
      for (const name of [...LINUX_WORKLOADS, "dirty"] as const) {
        const from = text().length;
        const { start, stop, judge } = linuxWorkload(name, { fillPages: 3_000 });
        send(start);
        await waitFor(new RegExp(`${name} n=000003 .*\n`), from);
        expect(judge(text().slice(from))).toMatchObject({ sound: true, bad: 0 });
        send(`${stop}echo stopped $((1 + 1)) ${name}\n`);
        await waitFor(new RegExp(`stopped 2 ${name}\n`), from);
      }
    });
    if (missing !== undefined) skip(missing);
  });

  const harm: [LinuxWorkloadName, string][] = [
    ["gzip", "echo more >>/tmp/gzip/plain"],
    ["sort", "echo 0 0 >>/tmp/sort/plain"],
    ["sqlite", "sqlite3 /tmp/sqlite/data.db 'UPDATE rows SET value = value + 1'"],
  ];
  it("counts results that are wrong", async ({ skip }) => {
    const missing = await withLinux(async ({ send, text, waitFor }) => {
      for (const [name, command] of harm) {
        const from = text().length;
        const { start, stop, report, judge } = linuxWorkload(name);
        send(start);
        await waitFor(report, from);
        send(`until ${command}; do sleep 1; done\n`);
        await waitFor(new RegExp(`${name} n=.* bad=[1-9]`), from);
        expect(judge(`${text().slice(from)}\n`).sound).toBe(false);
        send(stop);
      }
    });
    if (missing !== undefined) skip(missing);
  });
});
