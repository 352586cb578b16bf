/**
 * What this adapter uses of v86 beyond its published types, in one place. v86 makes no promise
 * about any of it, so the shape is checked when an emulator has been made; names and meanings are
 * those of src/browser/starter.js, src/main.js and src/cpu.js at 0.5.462.
 */
import { AssertionError } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";

/** The build that the tests run on, and the SHA-256 of its build/v86.wasm. */
export const TESTED_V86 = {
  version: "0.5.462",
  wasmSha256: "aa0d0e149d6b60063b85de4871e78505637ce92821e14a9f9802c4008ba2336e",
} as const;

/** What is handed to v86's constructor: a part of its own V86Options. */
export interface V86Options {
  wasm_fn?: (imports: WebAssembly.Imports) => Promise<WebAssembly.Exports>;
  memory_size?: number;
  vga_memory_size?: number;
  autostart?: boolean;
  disable_keyboard?: boolean;
  disable_mouse?: boolean;
  disable_speaker?: boolean;
  bios?: { buffer: ArrayBuffer };
  vga_bios?: { buffer: ArrayBuffer };
  multiboot?: { buffer: ArrayBuffer };
  bzimage?: { buffer: ArrayBuffer };
  initrd?: { buffer: ArrayBuffer };
  cmdline?: string;
}

/** The class `V86` of the package v86, which the caller imports. */
export type V86Class = new (options: V86Options) => object;

export interface V86Emulator {
  /** The machine loop (src/main.js). */
  readonly v86: {
    readonly cpu: V86Cpu;
    running: boolean;
    stopping: boolean;
    /** A turn that was asked for runs only while its number is this one. */
    tick_counter: number;
    run(): void;
    stop(): void;
    do_tick(): void;
    next_tick(sleepMs: number): void;
    save_state(): ArrayBuffer;
    restore_state(state: ArrayBuffer): void;
  };
  add_listener(event: string, listener: (value: number) => void): void;
  remove_listener(event: string, listener: (value: number) => void): void;
  serial0_send(text: string): void;
  destroy(): Promise<void>;
}

/** Typed arrays of v86 are proxies that make a new view at each access. */
type View = { [index: number]: number; readonly length: number; readonly byteOffset: number };

export interface V86Cpu {
  mem8: Uint8Array;
  readonly cr: View;
  readonly memory_size: View;
  readonly instruction_counter: View;
  readonly in_hlt: View;
  last_result: View;
  fpu_status_word: View;
  mxcsr: View;
  /** Low and high half, of when {@link store_current_tsc} was called. */
  readonly current_tsc: View;
  store_current_tsc: () => void;
  set_tsc: (low: number, high: number) => void;
  readonly memory_map_write8: ((address: number, value: number) => void)[];
  readonly devices: V86Devices;
  readonly io: { readonly ports: unknown[] };
  /** Runs the guest for about a millisecond; gives how long it may sleep, ms. */
  main_loop: () => number;
  write_blob: (bytes: Uint8Array, address: number) => void;
  pack_memory: () => { packed_memory: Uint8Array; bitmap: { get_buffer(): ArrayBuffer } };
  unpack_memory: (bitmap: unknown, packed: unknown) => void;
  /** Physical, for devices. */
  read8: (address: number) => number;
  read16: (address: number) => number;
  read32s: (address: number) => number;
  write8: (address: number, value: number) => void;
  write16: (address: number, value: number) => void;
  write32: (address: number, value: number) => void;
  full_clear_tlb(): void;
  jit_dirty_cache(start: number, end: number): void;
  zero_memory: (start: number, bytes: number) => void;
}

export interface V86Devices {
  readonly pit: { counter_start_time: { [index: number]: number; readonly length: number } };
  readonly uart0: { input: number[] };
  readonly pci: V86Pci;
}

export interface V86Pci {
  readonly devices: ({ readonly pci_bars: readonly (V86Bar | undefined)[] } | undefined)[];
  readonly device_spaces: (Int32Array | undefined)[];
  readonly pci_addr: Uint8Array;
  readonly pci_value: Uint8Array;
  readonly pci_response: Uint8Array;
  readonly pci_status: Uint8Array;
  set_state: (state: readonly unknown[]) => void;
  set_io_bars(bar: V86Bar, from: number, to: number): void;
}

export interface V86Bar {
  readonly size: number;
}

/** Exports of v86's module that are called here; `cpu` calls the others. */
export interface V86Exports {
  readonly memory: WebAssembly.Memory;
  v86_malloc(bytes: number): number;
}

const EMULATOR = ["v86", "add_listener", "remove_listener", "serial0_send", "destroy"];
const MACHINE = [
  ...["cpu", "running", "stopping", "tick_counter", "run", "stop", "do_tick", "next_tick"],
  ...["save_state", "restore_state"],
];
const CPU = [
  ...["mem8", "memory_size", "instruction_counter", "in_hlt", "last_result", "fpu_status_word"],
  ...["mxcsr", "memory_map_write8", "devices", "io", "main_loop", "write_blob", "pack_memory"],
  ...["unpack_memory", "full_clear_tlb", "jit_dirty_cache", "zero_memory", "cr"],
  ...["read8", "read16", "read32s", "write8", "write16", "write32"],
  ...["current_tsc", "store_current_tsc", "set_tsc"],
];
const PCI = [
  ...["devices", "device_spaces", "pci_addr", "pci_value", "pci_response", "pci_status"],
  ...["set_state", "set_io_bars"],
];

/** Gives an emulator that has been loaded its type; throws where v86 has become another. */
export function emulatorOf(emulator: object): V86Emulator {
  const shaped = emulator as V86Emulator;
  require(shaped, EMULATOR, "the emulator");
  require(shaped.v86, MACHINE, "the machine");
  require(shaped.v86.cpu, CPU, "the CPU");
  require(shaped.v86.cpu.devices, ["pit", "uart0", "pci"], "the device list");
  require(shaped.v86.cpu.devices.pci, PCI, "the PCI bus");
  require(shaped.v86.cpu.devices.pit, ["counter_start_time"], "the timer");
  require(shaped.v86.cpu.devices.uart0, ["input"], "the serial port");
  return shaped;
}

/** The same for the exports of its module. */
export function exportsOf(exports: WebAssembly.Exports): V86Exports {
  require(exports, ["memory", "v86_malloc"], "the module");
  return exports as unknown as V86Exports;
}

/** And for the table that the module's indirect calls go through. */
export function tableOf(table: unknown): WebAssembly.Table {
  if (table instanceof WebAssembly.Table) return table;
  require({}, ["__indirect_function_table"], "the imports of its module");
  throw new AssertionError("what is missing was told");
}

function require(object: object, names: readonly string[], what: string): void {
  const missing = names.filter((name) => !(name in object));
  if (missing.length === 0) return;
  throw new PrecopyError(
    "unsupported",
    `this build of v86 lacks ${missing.join(", ")} in ${what}; use v86 ${TESTED_V86.version}`,
  );
}
