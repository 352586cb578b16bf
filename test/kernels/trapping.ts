/**
 * Kernels whose exports trap: the same module with the bodies of exported functions replaced by
 * `unreachable`. A facade that still answers with them does not call its kernel.
 */
import binaryen from "binaryen";
import { simdBase64 } from "../../build/wasm.js";

/** Control calls and the managed runtime stay as they are, or the module could not be loaded. */
const KEPT = new Set(["describe", "configureWorkload", "wsclockIntervals"]);

/** The bytes of such a module; `names` are the exports that trap (default: every kernel). */
export function trappingKernels(names?: readonly string[]): Uint8Array<ArrayBuffer> {
  const module = binaryen.readBinary(new Uint8Array(Buffer.from(simdBase64, "base64")));
  module.setFeatures(
    binaryen.Features.MVP |
      binaryen.Features.SIMD128 |
      binaryen.Features.SignExt |
      binaryen.Features.MutableGlobals |
      binaryen.Features.NontrappingFPToInt |
      binaryen.Features.BulkMemory,
  );
  for (const { name, target } of exportedFunctions(module)) {
    const traps = names === undefined ? !KEPT.has(name) : names.includes(name);
    if (!traps || name.startsWith("__")) continue;
    const { params, results } = binaryen.getFunctionInfo(module.getFunction(target));
    module.removeFunction(target);
    module.addFunction(target, params, results, [], module.unreachable());
  }
  const bytes = new Uint8Array(module.emitBinary());
  module.dispose();
  return bytes;
}

/** The names of all kernels (exports that are no control call and not the runtime's). */
export function kernelNames(): string[] {
  const module = binaryen.readBinary(new Uint8Array(Buffer.from(simdBase64, "base64")));
  const names = exportedFunctions(module).map(({ name }) => name);
  module.dispose();
  return names.filter((name) => !name.startsWith("__") && !KEPT.has(name));
}

function exportedFunctions(module: binaryen.Module): { name: string; target: string }[] {
  const found: { name: string; target: string }[] = [];
  for (let i = 0; i < module.getNumExports(); i++) {
    const info = binaryen.getExportInfo(module.getExportByIndex(i));
    if (info.kind === binaryen.ExternalFunction)
      found.push({ name: info.name, target: info.value });
  }
  return found;
}
