/**
 * The only file that knows as-bind. One instance, two doors: bound functions for control calls
 * (strings, typed arrays), the raw exports for everything that touches pages.
 */
import {
  type AsBindInstance,
  converters,
  instantiate,
  instantiateSync,
} from "as-bind/dist/as-bind.esm.js";
import { PrecopyError } from "../base/errors.js";
import type { ControlCalls, RawExports } from "./raw-exports.js";

export interface Binding {
  readonly control: ControlCalls;
  readonly raw: RawExports;
}

export async function bind(wasm: BufferSource): Promise<Binding> {
  installCopyingConverters();
  try {
    return doors(await instantiate(wasm));
  } catch (error) {
    throw unusable(error);
  }
}

export function bindSync(wasm: BufferSource): Binding {
  installCopyingConverters();
  try {
    return doors(instantiateSync(wasm));
  } catch (error) {
    throw unusable(error);
  }
}

function doors(instance: AsBindInstance): Binding {
  return {
    control: instance.exports as unknown as ControlCalls,
    raw: instance.loadedModule.instance.exports as unknown as RawExports,
  };
}

function unusable(error: unknown): PrecopyError {
  const reason = error instanceof Error ? error.message : String(error);
  return new PrecopyError(
    "unsupported",
    `the kernels could not be instantiated (${reason}); pass the unchanged bytes of this ` +
      "package's kernels.wasm or kernels.scalar.wasm, or none",
  );
}

let installed = false;

/**
 * as-bind hands typed arrays out as views of memory that the collector may reuse; these converters
 * copy them out. Called, not run on import: a bundler may drop imports "without side effects".
 */
function installCopyingConverters(): void {
  if (installed) return;
  installed = true;
  for (const [type, converter] of converters) {
    if (typeof type !== "string" || !type.startsWith("~lib/typedarray/")) continue;
    converters.set(type, {
      jsToAsc: converter.jsToAsc,
      ascToJs: (instance, value, name) =>
        (converter.ascToJs(instance, value, name) as Uint8Array).slice(),
    });
  }
}
