/** v86 as the package is, without the adapter: what a guest does on it alone. */
import { readFile } from "node:fs/promises";
import { V86 } from "v86";

export const MIB = 2 ** 20;

export interface PlainV86 {
  readonly emulator: V86;
  /** All that came from the first serial port. */
  serial(): string;
  /** Waits for a match in the serial text from `from`; throws after `limitMs`. */
  waitFor(
    pattern: RegExp,
    options?: { from?: number; limitMs?: number },
  ): Promise<RegExpMatchArray>;
  send(text: string): void;
  /** Guest memory as it stands; take it anew after anything that may grow it. */
  memory(): Uint8Array;
  instructions(): number;
}

/** Runs `use` on a machine that is destroyed at the end. */
export async function withPlainV86<Result>(
  options: Record<string, unknown>,
  use: (machine: PlainV86) => Promise<Result>,
): Promise<Result> {
  const wasmPath = new URL("build/v86.wasm", import.meta.resolve("v86/package.json"));
  const wasm = await readFile(wasmPath);
  const emulator = new V86({
    wasm_fn: async (imports: WebAssembly.Imports) =>
      (await WebAssembly.instantiate(wasm, imports)).instance.exports,
    vga_memory_size: MIB,
    disable_speaker: true,
    disable_keyboard: true,
    disable_mouse: true,
    autostart: true,
    ...options,
  } as ConstructorParameters<typeof V86>[0]);
  try {
    return await use(machineOf(emulator));
  } finally {
    await emulator.destroy();
  }
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Not in v86.d.ts. */
interface Internals {
  readonly v86: { readonly cpu: { readonly mem8: Uint8Array } };
}

function machineOf(emulator: V86): PlainV86 {
  let text = "";
  emulator.add_listener("serial0-output-byte", (byte: number) => {
    text += String.fromCharCode(byte);
  });
  return {
    emulator,
    serial: () => text,
    async waitFor(pattern, { from = 0, limitMs = 30_000 } = {}) {
      const end = performance.now() + limitMs;
      for (;;) {
        const found = text.slice(from).match(pattern);
        if (found !== null) return found;
        if (performance.now() > end) throw new Error(`no ${pattern} in ${text.slice(-400)}`);
        await sleep(10);
      }
    },
    send: (input) => emulator.serial0_send(input),
    memory: () => (emulator as unknown as Internals).v86.cpu.mem8,
    instructions: () => emulator.get_instruction_counter(),
  };
}
