/**
 * Debian's Linux, booted once and kept: `npm run linux-guest` (scripts/linux-guest.ts) fetches the
 * packages, boots them in v86 up to a shell on the serial port, and leaves the machine's state in a
 * cache folder. Nothing of it is under version control; here it is found again.
 *
 * The shell echoes nothing, and writes {@link LINUX_PROMPT} when it waits for a line.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PrecopyError } from "../../base/errors.js";

/** The cache folder from the root of the repository; the environment's LINUX_GUEST_DIR comes first. */
export const LINUX_GUEST_DIR = "build/linux";
export const LINUX_PROMPT = "linux# ";

/** Beside `state`, `bios.bin` and `vgabios.bin` in the cache folder. */
export interface LinuxGuestManifest {
  readonly format: 1;
  readonly memoryBytes: number;
  readonly stateBytes: number;
  /** Of the package v86 that saved the state; no other can load it. */
  readonly v86: string;
  /** Debian's versions by package. */
  readonly packages: Readonly<Record<string, string>>;
  /** Digest of all that the state was made from, for the script that makes it. */
  readonly inputs: string;
}

/** What `V86Guest.create` needs beside the class and the WebAssembly; a target leaves `boot` out. */
export interface LinuxGuest {
  readonly memoryBytes: number;
  readonly firmware: { readonly bios: Uint8Array; readonly vgaBios: Uint8Array };
  readonly boot: { readonly state: Uint8Array };
}

export type LinuxGuestSearch =
  | { readonly guest: LinuxGuest; readonly manifest: LinuxGuestManifest }
  /** Why there is none, and what to do. */
  | { readonly guest: undefined; readonly reason: string };

/**
 * The guest in the cache folder. Reads all of it (about 40 MB).
 *
 * @throws PrecopyError `bad-input` where the folder holds something that the script did not finish
 *   or did not write; a folder without a manifest is no error but a reason.
 */
export async function linuxGuest(folder: string): Promise<LinuxGuestSearch> {
  const manifest = await readLinuxManifest(folder);
  if (manifest === undefined) {
    const reason = `There is no Linux guest in ${folder}: run \`npm run linux-guest\` first.`;
    return { guest: undefined, reason };
  }
  const [state, bios, vgaBios] = (await Promise.all(
    ["state", "bios.bin", "vgabios.bin"].map((name) => readPart(folder, name)),
  )) as [Uint8Array, Uint8Array, Uint8Array];
  if (state.length !== manifest.stateBytes) {
    const sizes = `${state.length} bytes and its manifest says ${manifest.stateBytes}`;
    throw broken(folder, `The state has ${sizes}`);
  }
  const { memoryBytes } = manifest;
  return { guest: { memoryBytes, firmware: { bios, vgaBios }, boot: { state } }, manifest };
}

/** The manifest alone; undefined where there is none. Throws as {@link linuxGuest} does. */
export async function readLinuxManifest(folder: string): Promise<LinuxGuestManifest | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, "manifest.json"), "utf8");
  } catch {
    return undefined;
  }
  let found: Partial<LinuxGuestManifest> | null;
  try {
    found = JSON.parse(text);
  } catch {
    throw broken(folder, "The manifest is not JSON");
  }
  const isWhole =
    found?.format === 1 &&
    Number.isSafeInteger(found.memoryBytes) &&
    Number.isSafeInteger(found.stateBytes) &&
    typeof found.v86 === "string" &&
    typeof found.inputs === "string" &&
    typeof found.packages === "object";
  if (!isWhole) throw broken(folder, "The manifest is not one of format 1");
  return found as LinuxGuestManifest;
}

async function readPart(folder: string, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(join(folder, name)));
  } catch {
    throw broken(folder, `The file ${name} cannot be read`);
  }
}

function broken(folder: string, what: string): PrecopyError {
  const next = "remove the folder and run `npm run linux-guest`.";
  return new PrecopyError("bad-input", `${what}: ${next}`, { file: folder });
}
