/** What `migrate` is told to boot and to run in it, turned into what a v86 guest is made from. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PrecopyError } from "../../base/errors.js";
import { formatBytes } from "../../base/units.js";
import { LINUX_GUEST_DIR, linuxGuest } from "../../live/guests/linux-guest.js";
import {
  LINUX_WORKLOADS,
  type LinuxWorkloadName,
  linuxWorkload,
} from "../../live/guests/linux-workloads.js";
import { tinyGuest } from "../../live/guests/tiny.js";
import { parseReports, type TinyReports } from "../../live/guests/tiny-reports.js";
import { parseTinyWorkload } from "../../live/guests/tiny-workload.js";
import type { V86GuestOptions } from "../../live/v86/index.js";
import { packageFolder } from "../files.js";
import { readStateFile } from "./state-file.js";

export interface GuestWish {
  /** tiny, linux, or a file that --save-state wrote. */
  readonly guest: string;
  readonly memory?: number;
  readonly workload?: string;
}

export interface GuestPlan {
  readonly name: string;
  /** For V86Guest.create, without the package itself. */
  readonly options: Omit<V86GuestOptions, "V86" | "wasm">;
  /** Typed at the serial port once it runs. */
  readonly typed: string;
  /** Judges what the guest reported of itself; undefined where it reports nothing that we know. */
  readonly judge: ((serial: string) => TinyReports) | undefined;
}

const TINY_MEMORY_BYTES = 64 * 2 ** 20;

type Env = Readonly<Record<string, string | undefined>>;

export async function planGuest(wish: GuestWish, env: Env): Promise<GuestPlan> {
  if (wish.guest === "tiny") return planTiny(wish);
  if (wish.guest === "linux") return await planLinux(wish, env);
  return await planSaved(wish);
}

function planTiny({ memory = TINY_MEMORY_BYTES, workload = "" }: GuestWish): GuestPlan {
  const { image, commandLine, minMemoryBytes } = tinyGuest(parseTinyWorkload(workload));
  if (memory < minMemoryBytes) {
    throw new PrecopyError(
      "limit",
      `--memory ${formatBytes(memory)} does not hold the tiny guest's pages, which need ` +
        `${formatBytes(minMemoryBytes)}: give more memory, or fewer pages= or fill=`,
    );
  }
  return {
    name: "tiny",
    options: {
      name: "tiny",
      memoryBytes: memory,
      boot: { multiboot: image, cmdline: commandLine },
    },
    typed: "",
    judge: (serial) => parseReports(serial, "tiny"),
  };
}

async function planLinux({ memory, workload }: GuestWish, env: Env): Promise<GuestPlan> {
  const [name = "", ...words] = (workload ?? "").split(/\s+/).filter((part) => part !== "");
  if (workload !== undefined && !LINUX_WORKLOADS.includes(name as LinuxWorkloadName)) {
    throw new PrecopyError(
      "unknown-name",
      `the Linux guest has no workload "${name}": give one of ${LINUX_WORKLOADS.join(", ")}`,
    );
  }
  if (words.length > 0 && name !== "dirty") {
    throw new PrecopyError(
      "bad-input",
      `the workload ${name} takes no words: leave out "${words[0]}"`,
    );
  }
  const found = await linuxGuest(linuxFolder(env));
  if (found.guest === undefined) throw new PrecopyError("bad-input", found.reason);
  const { guest } = found;
  if (memory !== undefined && memory !== guest.memoryBytes) {
    throw new PrecopyError(
      "bad-input",
      `the Linux guest was booted with ${formatBytes(guest.memoryBytes)} and cannot have ` +
        `${formatBytes(memory)}: leave --memory out`,
    );
  }
  const load =
    workload === undefined
      ? undefined
      : linuxWorkload(name as LinuxWorkloadName, parseTinyWorkload(words.join(" ")));
  return {
    name: "linux",
    options: { name: "linux", ...guest },
    typed: load?.start ?? "",
    judge: load && ((serial) => load.judge(serial)),
  };
}

async function planSaved({ guest, memory, workload }: GuestWish): Promise<GuestPlan> {
  const extra = memory !== undefined ? "--memory" : workload !== undefined ? "--workload" : "";
  if (extra !== "") {
    throw new PrecopyError("bad-input", `a saved guest goes on as it was: leave ${extra} out`);
  }
  if (!existsSync(guest)) {
    throw new PrecopyError(
      "bad-input",
      `there is no guest "${guest}": give tiny, linux, or a file that --save-state has written`,
    );
  }
  const options = await readStateFile(guest);
  return { name: options.name ?? "v86", options, typed: "", judge: undefined };
}

/** The cache folder of the Linux guest. */
export function linuxFolder(env: Env): string {
  return env.LINUX_GUEST_DIR ?? join(packageFolder(), LINUX_GUEST_DIR);
}
