/**
 * The installed npm package v86, found at run time in Node: it is an optional peer, so that those who
 * simulate need not have it.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { PrecopyError } from "../../base/errors.js";
import { TESTED_V86, type V86Class } from "./v86-internals.js";

/** What `V86Guest.create` wants of the package. */
export interface V86Package {
  readonly V86: V86Class;
  /** The bytes of build/v86.wasm. */
  readonly wasm: Uint8Array;
}

/** @throws PrecopyError `unsupported` where it is not installed, or lacks its WebAssembly. */
export async function loadV86(): Promise<V86Package> {
  try {
    const { V86 } = (await import("v86")) as unknown as { V86: V86Class };
    const path = createRequire(import.meta.url).resolve("v86/build/v86.wasm");
    return { V86, wasm: new Uint8Array(await readFile(path)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
    throw new PrecopyError(
      "unsupported",
      `real guests run on the package v86, which cannot be loaded (${reason}): ` +
        `npm install v86@${TESTED_V86.version}`,
    );
  }
}
