/**
 * Makes the Linux guest of the live tests and demos: Debian's kernel, busybox, SeaBIOS and SQLite,
 * fetched without root, booted once in v86 up to the shell, and kept as a state that loads in less
 * than a second.
 *
 *     npm run linux-guest          # into build/linux, or the folder that LINUX_GUEST_DIR names
 *
 * A folder that was made from the same inputs is left as it is; remove it to fetch anew.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { V86 } from "v86";
import { PrecopyError } from "../src/base/errors.js";
import {
  LINUX_GUEST_DIR,
  LINUX_PROMPT,
  type LinuxGuestManifest,
  readLinuxManifest,
} from "../src/live/guests/linux-guest.js";
import { V86Guest } from "../src/live/v86/index.js";
import { type CpioEntry, cpioArchive, FOLDER, PROGRAM } from "./linux-guest/cpio.js";
import { fetchPackages, run } from "./linux-guest/fetch.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const GUESTS = join(ROOT, "guests");
const MEMORY_BYTES = 128 * 2 ** 20;
/** No watchdogs: they take a guest that was away for a hung one. v86's TSC is steady. */
const COMMAND_LINE =
  "console=ttyS0,115200n8 tsc=reliable mitigations=off random.trust_cpu=on nowatchdog nokaslr quiet";
const BOOT_LIMIT_MS = 240_000;
/** The programs and libraries of sqlite3, by their place in the packages and in the guest. */
const LIBRARIES = "lib/i386-linux-gnu";
const SQLITE: Readonly<Record<string, string>> = {
  "usr/bin/sqlite3": "bin/sqlite3",
  [`${LIBRARIES}/ld-linux.so.2`]: "lib/ld-linux.so.2",
  [`${LIBRARIES}/libc.so.6`]: "lib/libc.so.6",
  [`${LIBRARIES}/libm.so.6`]: "lib/libm.so.6",
  [`${LIBRARIES}/libtinfo.so.6`]: "lib/libtinfo.so.6",
  [`${LIBRARIES}/libz.so.1`]: "lib/libz.so.1",
  [`${LIBRARIES}/libreadline.so.8`]: "lib/libreadline.so.8",
  [`usr/${LIBRARIES}/libsqlite3.so.0`]: "lib/libsqlite3.so.0",
};
const GCC = [
  ...["-m32", "-march=i686", "-mgeneral-regs-only", "-std=c11", "-O2", "-ffreestanding"],
  ...["-fno-builtin", "-fno-tree-loop-distribute-patterns", "-fno-pic", "-fno-stack-protector"],
  ...["-fcf-protection=none", "-nostdlib", "-static", "-no-pie", "-s"],
];

const packageFile = createRequire(import.meta.url).resolve("v86/package.json");
const v86Version: string = JSON.parse(readFileSync(packageFile, "utf8")).version;

async function main(): Promise<void> {
  const folder = resolve(ROOT, process.env.LINUX_GUEST_DIR ?? LINUX_GUEST_DIR);
  const inputs = digestOfInputs();
  const present = await readLinuxManifest(folder).catch(() => undefined);
  if (present?.inputs === inputs) return say(`${folder} is up to date.`);

  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, "manifest.json"), { force: true });
  const root = join(folder, "root");
  rmSync(root, { recursive: true, force: true });
  say("Fetching Debian's packages");
  const packages = fetchPackages(join(folder, "apt"), root);
  run("gcc", [...GCC, "linux/dirty.c", "-o", join(folder, "dirty")], { cwd: GUESTS });

  say("Booting Linux once");
  const firmware = {
    bios: readFileSync(join(root, "usr/share/seabios/bios.bin")),
    vgaBios: readFileSync(join(root, "usr/share/seabios/vgabios-stdvga.bin")),
  };
  const boot = { bzimage: kernelIn(root), initrd: initramfs(folder, root), cmdline: COMMAND_LINE };
  const state = await bootedState(firmware, boot);
  writeFileSync(join(folder, "bios.bin"), firmware.bios);
  writeFileSync(join(folder, "vgabios.bin"), firmware.vgaBios);
  writeFileSync(join(folder, "state"), state);
  const manifest: LinuxGuestManifest = {
    ...{ format: 1, memoryBytes: MEMORY_BYTES, stateBytes: state.length },
    ...{ v86: v86Version, packages, inputs },
  };
  writeFileSync(join(folder, "manifest.new"), `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(join(folder, "manifest.new"), join(folder, "manifest.json"));
  rmSync(root, { recursive: true });
  rmSync(join(folder, "apt"), { recursive: true });
  say(`${folder}: Linux ${versionOfKernel(packages)}, state of ${state.length} bytes.`);
}

/** Whatever changes the state, but for Debian's packages: those stay until the folder goes. */
function digestOfInputs(): string {
  const hash = createHash("sha256");
  const scripts = ["linux-guest.ts", "linux-guest/fetch.ts", "linux-guest/cpio.ts"];
  const format = ["device-state.ts", "sparse.ts", "v86-options.ts"];
  const files = [
    ...scripts.map((name) => join(ROOT, "scripts", name)),
    ...format.map((name) => join(ROOT, "src/live/v86", name)),
    join(GUESTS, "page-writer.h"),
    ...readdirSync(join(GUESTS, "linux"))
      .sort()
      .map((name) => join(GUESTS, "linux", name)),
  ];
  for (const file of files) hash.update(readFileSync(file));
  return hash.update(v86Version).digest("hex");
}

function kernelIn(root: string): Uint8Array {
  const name = readdirSync(join(root, "boot")).find((file) => file.startsWith("vmlinuz-"));
  if (name === undefined) throw new PrecopyError("unsupported", "The package holds no kernel.");
  return readFileSync(join(root, "boot", name));
}

/** Not compressed: what it saves in reading it costs in a guest that unpacks it. */
function initramfs(folder: string, root: string): Uint8Array {
  const program = (path: string, from: string): CpioEntry => {
    return { path, mode: PROGRAM, contents: readFileSync(from) };
  };
  return cpioArchive([
    ...["bin", "dev", "lib", "proc", "sys", "tmp"].map((path) => ({ path, mode: FOLDER })),
    program("init", join(GUESTS, "linux/init")),
    program("bin/workload", join(GUESTS, "linux/workload")),
    program("bin/dirty", join(folder, "dirty")),
    program("bin/busybox", join(root, "bin/busybox")),
    ...Object.entries(SQLITE).map(([from, to]) => program(to, join(root, from))),
  ]);
}

async function bootedState(
  firmware: { bios: Uint8Array; vgaBios: Uint8Array },
  boot: { bzimage: Uint8Array; initrd: Uint8Array; cmdline: string },
): Promise<Uint8Array> {
  const wasm = readFileSync(join(dirname(packageFile), "build/v86.wasm"));
  const options = { V86, wasm, memoryBytes: MEMORY_BYTES, firmware, boot };
  const guest = await V86Guest.create(options);
  let text = "";
  guest.onSerial((byte) => {
    text += String.fromCharCode(byte);
  });
  try {
    guest.resume();
    await seen(LINUX_PROMPT);
    guest.sendSerial("uname -r; echo booted-$((40+2))\n");
    await seen(`booted-42\n${LINUX_PROMPT}`);
    await guest.pause();
    return guest.saveState();
  } finally {
    await guest.destroy();
  }

  async function seen(wanted: string): Promise<void> {
    const end = performance.now() + BOOT_LIMIT_MS;
    while (!text.includes(wanted)) {
      if (performance.now() > end) {
        const said = text.slice(-500);
        throw new PrecopyError("unsupported", `Linux did not come to "${wanted}": ${said}`);
      }
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }
}

function versionOfKernel(packages: Readonly<Record<string, string>>): string {
  const name = Object.keys(packages).find((key) => key.startsWith("linux-image-")) ?? "";
  return `${packages[name]} (${name})`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().catch((error: unknown) => {
  if (!(error instanceof PrecopyError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
});
