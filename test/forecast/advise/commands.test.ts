/** Lines to paste: as the tools read them, with the units that each wants, and names quoted. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  commandsFor,
  TOOL_NAMES,
  type Tool,
  toolNamed,
} from "../../../src/forecast/advise/index.js";
import type { ForecastInput } from "../../../src/forecast/forecast.js";
import { flat, LINK } from "./guests.js";

const input = (strategy: string, more: Partial<ForecastInput> = {}): ForecastInput => ({
  ...{ ...LINK, guest: flat(1000), strategy },
  ...more,
});

function linesOf(tool: Tool, from: ForecastInput, guest?: string): string[] {
  const blocks = commandsFor(tool, from, guest === undefined ? {} : { guest });
  return blocks.flatMap(({ lines }) => lines);
}

/** The words of a line, as a shell splits them. */
function shellWords(line: string): string[] {
  const script = `set -- ${line}\nprintf '%s\\0' "$@"`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

const FULL = "pre-copy+auto-converge:initial=30+xbzrle:cache=128MiB@qemu102:max-bandwidth=256MiB/s";

describe("virsh", () => {
  it("gets MiB/s, bytes of cache and milliseconds", () => {
    const [migrate = "", limit = ""] = linesOf(
      "virsh",
      input(FULL, { downtimeLimitMs: 750 }),
      "db",
    );
    const words = shellWords(migrate);
    const behind = (word: string) => words[words.indexOf(word) + 1];
    expect(words.slice(0, 3)).toEqual(["virsh", "migrate", "--live"]);
    // The link carries 100 MB/s: no more is worth asking for.
    expect(behind("--bandwidth")).toBe("96");
    expect(behind("--comp-methods")).toBe("xbzrle");
    expect(behind("--comp-xbzrle-cache")).toBe(String(128 * 2 ** 20));
    expect(behind("--auto-converge-initial")).toBe("30");
    expect(words).toContain("--compressed");
    expect(shellWords(limit)).toEqual(["virsh", "migrate-setmaxdowntime", "db", "750"]);
  });

  it("gets streams, post-copy and time-outs", () => {
    const packed = linesOf("virsh", input("pre-copy+zstd+multifd:channels=3@qemu102"))[0] ?? "";
    expect(packed).toContain("--comp-methods zstd --parallel --parallel-connections 3");
    const hybrid = linesOf("virsh", input("hybrid:rounds=1@qemu102"))[0] ?? "";
    expect(hybrid).toContain("--postcopy --postcopy-after-precopy");
    const late = linesOf("virsh", input("pre-copy+libvirt:timeout=90s,action=postcopy@qemu102"));
    expect(late[0]).toContain("--postcopy --timeout 90 --timeout-postcopy");
  });
});

describe("QMP", () => {
  it("is JSON a line, in bytes a second, bytes and milliseconds", () => {
    const from = input(FULL, { downtimeLimitMs: 750, linkBytesPerSec: 1e9 });
    const said = linesOf("qmp", from).map((line) => JSON.parse(line));
    expect(said.map(({ execute }) => execute)).toEqual([
      "migrate-set-capabilities",
      "migrate-set-parameters",
      "migrate",
    ]);
    expect(said[0].arguments.capabilities).toEqual([
      { capability: "auto-converge", state: true },
      { capability: "xbzrle", state: true },
    ]);
    expect(said[1].arguments).toEqual({
      "downtime-limit": 750,
      "max-bandwidth": 256 * 2 ** 20,
      "cpu-throttle-initial": 30,
      "cpu-throttle-increment": 10,
      "xbzrle-cache-size": 128 * 2 ** 20,
    });
  });

  it("tells the target first what both ends have to know", () => {
    const blocks = commandsFor("qmp", input("pre-copy+zstd+multifd:channels=3@qemu102"));
    expect(blocks[0]?.title).toContain("target");
    const [capabilities, parameters] = (blocks[0]?.lines ?? []).map((line) => JSON.parse(line));
    expect(capabilities.arguments.capabilities).toEqual([{ capability: "multifd", state: true }]);
    expect(parameters.arguments).toEqual({ "multifd-channels": 3, "multifd-compression": "zstd" });
    const hybrid = linesOf("qmp", input("hybrid:rounds=1@qemu102"));
    expect(JSON.parse(hybrid.at(-1) ?? "")).toEqual({ execute: "migrate-start-postcopy" });
  });
});

describe("KubeVirt", () => {
  const policyOf = (strategy: string, guest: string) =>
    parse(commandsFor("kubevirt", input(strategy), { guest })[0]?.lines.join("\n") ?? "");

  it("gets a policy that selects the guest", () => {
    const name = "pre-copy+auto-converge+kubevirt:completion-timeout=300,post-copy@qemu102";
    expect(policyOf(`${name}:max-bandwidth=64MiB/s`, "prod/web")).toEqual({
      apiVersion: "migrations.kubevirt.io/v1alpha1",
      kind: "MigrationPolicy",
      metadata: { name: "move-web" },
      spec: {
        allowAutoConverge: true,
        bandwidthPerMigration: "64Mi",
        completionTimeoutPerGiB: 300,
        allowPostCopy: true,
        allowWorkloadDisruption: true,
        selectors: {
          namespaceSelector: { "kubernetes.io/metadata.name": "prod" },
          virtualMachineInstanceSelector: { "vm.kubevirt.io/name": "web" },
        },
      },
    });
  });

  it("gets in its own resource what a policy has not", () => {
    const name = "pre-copy+kubevirt:ramp,max-downtime=2s,progress-timeout=0@qemu102";
    const [block] = commandsFor("kubevirt", input(name), { guest: "web" });
    const { migrationConfiguration } = parse(block?.lines.join("\n") ?? "").spec.configuration;
    expect(migrationConfiguration).toEqual({ progressTimeout: 0, maxDowntimeMs: 2000 });
  });

  it.each(['a: "b"', "yes", "12", "#x", "{}", "a\\b", "&a", "ünï/cödé"])(
    "keeps the name %s a text",
    (guest) => {
      const policy = policyOf("pre-copy+auto-converge+kubevirt@qemu102", guest);
      const wanted = guest.split("/").at(-1);
      const { selectors } = policy.spec;
      expect(selectors.virtualMachineInstanceSelector["vm.kubevirt.io/name"]).toBe(wanted);
      expect(policy.metadata.name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
    },
  );
});

describe("the others", () => {
  it("nova gets its options by their names", () => {
    const name = "pre-copy+auto-converge+nova:downtime=2s,timeout=40,timeout-action=force-complete";
    const lines = linesOf("nova", input(`${name}@qemu102`));
    expect(lines[0]).toBe("[libvirt]");
    expect(Object.fromEntries(lines.slice(1).map((line) => line.split(" = ")))).toEqual({
      live_migration_downtime: "2000",
      live_migration_downtime_steps: "10",
      live_migration_downtime_delay: "75",
      live_migration_completion_timeout: "40",
      live_migration_timeout_action: "force_complete",
      live_migration_permit_auto_converge: "true",
    });
  });

  it("Proxmox gets seconds, MB/s and KiB/s", () => {
    const name = "pre-copy+proxmox:downtime=250ms,max-bandwidth=50MiB/s@qemu102";
    expect(linesOf("proxmox", input(name), "104")).toEqual([
      "qm set 104 --migrate_downtime 0.25",
      // 52.4 MB/s, whole ones.
      "qm set 104 --migrate_speed 53",
      "qm migrate 104 TARGET --online",
      "bwlimit: migration=51200",
    ]);
  });

  it("Cloud Hypervisor gets one argument", () => {
    const from = input("pre-copy@cloud-hypervisor:timeout=90s", { downtimeLimitMs: 800 });
    expect(shellWords(linesOf("cloud-hypervisor", from)[0] ?? "").at(-1)).toBe(
      "destination_url=tcp:TARGET:4444,downtime_ms=800,timeout_s=90",
    );
  });

  it("xl gets no option that it has not", () => {
    for (const line of linesOf("xl", input("pre-copy@xen"), "db")) {
      expect(line).toMatch(/^xl (migrate db TARGET|sched-credit2 -d db -c 20)$/);
    }
  });
});

describe("names", () => {
  it.each(["it's", "a b", "$(reboot)", "`id`", "a;b", "a\\'b", "*", '"'])(
    "%s comes out of a shell as it went in",
    (guest) => {
      for (const tool of ["virsh", "xl", "proxmox"] as const) {
        const line = linesOf(tool, input(FULL), guest).find((text) => text.includes("migrate"));
        expect(shellWords(line ?? "")).toContain(guest);
      }
    },
  );

  it.each(["", "-rf", "a\nb", "a\u0000", "a\u2028b", "x".repeat(300)])("%j is refused", (guest) => {
    for (const tool of TOOL_NAMES) {
      expect(() => commandsFor(tool, input(FULL), { guest })).toThrow(/guest's name/);
    }
  });

  it("of tools are told", () => {
    expect(() => toolNamed("constructor")).toThrow(/no tool "constructor": choose from virsh, qmp/);
  });
});
