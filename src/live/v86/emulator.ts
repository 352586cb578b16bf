/**
 * Making a v86 emulator from a compiled module: resolves when it is loaded and has the shape that
 * this adapter relies on, and rejects on what v86 itself would report to nobody.
 */
import { GuestMemory } from "./guest-memory.js";
import {
  emulatorOf,
  exportsOf,
  tableOf,
  type V86Class,
  type V86Emulator,
  type V86Exports,
  type V86Options,
} from "./v86-internals.js";

export interface LoadedEmulator {
  readonly emulator: V86Emulator;
  readonly exports: V86Exports;
  /** The functions that the module calls by index. */
  readonly table: WebAssembly.Table;
  readonly memory: GuestMemory;
}

export async function loadEmulator(
  V86: V86Class,
  module: WebAssembly.Module,
  options: V86Options,
): Promise<LoadedEmulator> {
  let exports: WebAssembly.Exports = {};
  let table: unknown;
  const made = await new Promise<object>((resolve, reject) => {
    const emulator = new V86({
      autostart: false,
      disable_keyboard: true,
      disable_mouse: true,
      disable_speaker: true,
      ...options,
      wasm_fn: (imports) =>
        // What fails in here v86 does not report: it gets no answer, the caller does.
        WebAssembly.instantiate(module, imports).then(
          (instance) => {
            exports = instance.exports;
            table = imports.env?.__indirect_function_table;
            return exports;
          },
          (error) => {
            reject(error);
            return new Promise<WebAssembly.Exports>(() => {});
          },
        ),
    });
    const events = emulator as Pick<V86Emulator, "add_listener">;
    events.add_listener("emulator-loaded", () => resolve(emulator));
  });
  const emulator = emulatorOf(made);
  const shaped = exportsOf(exports);
  const { mem8 } = emulator.v86.cpu;
  const memory = new GuestMemory(shaped.memory, mem8.byteOffset, mem8.length);
  return { emulator, exports: shaped, table: tableOf(table), memory };
}
