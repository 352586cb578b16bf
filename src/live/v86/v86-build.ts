/**
 * v86's module as it is used here: patched and tested where that works, as it came where it does
 * not. Done once for a class and a module; the parts are compiled machine code, which instances
 * share.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { PrecopyError } from "../../base/errors.js";
import { testPatchedModule } from "./self-test.js";
import { patchTlbFill } from "./tlb-fill-patch.js";
import { TESTED_V86, type V86Class } from "./v86-internals.js";

export type Tracking = "auto" | "tlb" | "hash";

/** A module, a kernel, a state: any buffer, or any view of one. */
export type ImageBytes = ArrayBuffer | ArrayBufferView;

export interface V86Build {
  readonly module: WebAssembly.Module;
  readonly tracking: "tlb" | "hash";
  /** Why the log is by hashes although the TLB's was allowed; undefined else. */
  readonly fallbackReason: string | undefined;
  /** It is the very build that the tests run on. */
  readonly isTested: boolean;
  /** v86's version, as far as it is known, and the hash of the module that came. */
  readonly version: string;
}

const known = new WeakMap<V86Class, Map<string, Promise<V86Build>>>();

export function buildOf(V86: V86Class, wasm: ImageBytes, tracking: Tracking): Promise<V86Build> {
  const bytes = bytesOf(wasm);
  const hash = bytesToHex(sha256(bytes));
  const ofClass = known.get(V86) ?? new Map<string, Promise<V86Build>>();
  known.set(V86, ofClass);
  const key = `${tracking} ${hash}`;
  const found = ofClass.get(key);
  if (found !== undefined) return found;
  const made = make(V86, bytes, hash, tracking);
  ofClass.set(key, made);
  // A failure is told to who asked, and tried again by who asks next.
  made.catch(() => ofClass.delete(key));
  return made;
}

/** The bytes of a buffer or a view, not copied. */
export function bytesOf(source: ImageBytes): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}

async function make(
  V86: V86Class,
  wasm: Uint8Array,
  hash: string,
  tracking: Tracking,
): Promise<V86Build> {
  const isTested = hash === TESTED_V86.wasmSha256;
  const version = `${isTested ? TESTED_V86.version : "untested"} wasm ${hash.slice(0, 16)}`;
  let fallbackReason: string | undefined;
  if (tracking !== "hash") {
    try {
      const module = await WebAssembly.compile(patchTlbFill(wasm));
      await testPatchedModule(V86, module);
      return { module, tracking: "tlb", fallbackReason: undefined, isTested, version };
    } catch (error) {
      if (tracking === "tlb") throw asUnsupported(error);
      fallbackReason = asUnsupported(error).message;
    }
  }
  try {
    const module = await WebAssembly.compile(wasm.slice());
    return { module, tracking: "hash", fallbackReason, isTested, version };
  } catch (error) {
    throw asUnsupported(error);
  }
}

function asUnsupported(error: unknown): PrecopyError {
  if (error instanceof PrecopyError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new PrecopyError(
    "unsupported",
    `v86's module cannot be used (${reason}); pass the bytes of v86 ${TESTED_V86.version}'s ` +
      "build/v86.wasm, unchanged",
  );
}
