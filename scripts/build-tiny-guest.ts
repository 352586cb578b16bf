/**
 * Builds guests/tiny with gcc and writes the image into src/live/guests/tiny-image.ts.
 *
 *     npm run build:tiny-guest
 *
 * The image is the same on every machine with the same major version of gcc; the module says which
 * one made it.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const SOURCES = fileURLToPath(new URL("../guests/tiny", import.meta.url));
const MODULE = fileURLToPath(new URL("../src/live/guests/tiny-image.ts", import.meta.url));

/** Freestanding i686 without SSE; nothing in the image but code and data, so that it is stable. */
const GCC = [
  ...["-m32", "-march=i686", "-mgeneral-regs-only", "-std=c11", "-O2", "-Wall", "-Wextra"],
  ...["-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-fno-ident"],
  ...["-fno-pic", "-fno-stack-protector", "-fcf-protection=none"],
  ...["-fno-asynchronous-unwind-tables", "-nostdlib", "-static", "-no-pie"],
  "-Wl,-T,tiny.ld,--build-id=none,--oformat=binary",
];

export interface BuiltGuest {
  readonly image: Uint8Array;
  /** Major version, as in `gcc 12`. */
  readonly compiler: string;
}

/** The image, or undefined where there is no gcc (Debian: packages gcc and binutils). */
export function buildTinyGuest(): BuiltGuest | undefined {
  const version = gccVersion();
  if (version === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "tiny-guest-"));
  try {
    const image = join(folder, "tiny.bin");
    execFileSync("gcc", [...GCC, "start.S", "tiny.c", "-o", image], { cwd: SOURCES });
    return { image: new Uint8Array(readFileSync(image)), compiler: `gcc ${version}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function gccVersion(): string | undefined {
  try {
    const version = execFileSync("gcc", ["-dumpversion"], { encoding: "utf8" });
    return version.trim().split(".")[0];
  } catch {
    return undefined;
  }
}

function moduleText({ image, compiler }: BuiltGuest): string {
  const lines =
    Buffer.from(image)
      .toString("base64")
      .match(/.{1,92}/g) ?? [];
  return `/**
 * The image of the tiny guest, built from guests/tiny by scripts/build-tiny-guest.ts.
 */
export const TINY_IMAGE_COMPILER = "${compiler}";

/** Base64, so that bundles and pages have it too. */
export const TINY_IMAGE_BASE64 = [
${lines.map((line) => `  "${line}",\n`).join("")}].join("");
`;
}

function main(): void {
  const built = buildTinyGuest();
  if (built === undefined) {
    process.stderr.write("There is no gcc here: install the packages gcc and binutils.\n");
    process.exitCode = 2;
    return;
  }
  writeFileSync(MODULE, moduleText(built));
  process.stdout.write(`${MODULE}: ${built.image.length} bytes, ${built.compiler}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
