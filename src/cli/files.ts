/** Text files as the command line reads and writes them, and where this package's own stand. */
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { formatBytes } from "../base/units.js";

/** No scenario that a person wrote comes near. */
const TEXT_BYTES_MAX = 2 ** 20;

const SCENARIO_LIMIT = {
  bytesMax: TEXT_BYTES_MAX,
  whose: "the limit of a scenario: traces go into files of their own",
};

/** The text of a file; errors name the file and the reason. */
export async function readTextFile(path: string, limit = SCENARIO_LIMIT): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    // A stream, because the size of a device or a pipe is not known beforehand.
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > limit.bytesMax) {
        const problem = `is larger than ${formatBytes(limit.bytesMax)}, ${limit.whose}`;
        throw new PrecopyError("limit", problem, { file: path });
      }
    }
  } catch (error) {
    throw fileError(error, "read", path);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Writes beside `path` and renames: the file is there whole or not at all. */
export async function writeTextFile(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.unfinished`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw fileError(error, "written", path);
  }
}

/** The path as it was given, or, where nothing stands there, the same path in this package. */
export function findFile(path: string): string {
  if (isAbsolute(path) || existsSync(path)) return path;
  const packaged = join(packageFolder(), path);
  return existsSync(packaged) && statSync(packaged).isFile() ? packaged : path;
}

/** The folder of package.json, above the source as well as above the built file. */
export function packageFolder(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    assert(folder !== dirname(folder), `a package.json stands above ${start}`);
  }
}

export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EISDIR: "it is a folder",
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  ENOTDIR: "part of the path is not a folder",
  EEXIST: "part of the path is a file",
  ENAMETOOLONG: "the path is too long",
  ERR_INVALID_ARG_VALUE: "the path is not valid",
};

/** The system's reason in words, as the user's error; other errors stay as they are. */
export function fileError(error: unknown, verb: "read" | "written", file: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error instanceof PrecopyError || typeof code !== "string") return error;
  return new PrecopyError("bad-input", `cannot be ${verb}: ${REASONS[code] ?? code}`, { file });
}
