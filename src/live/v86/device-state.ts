/**
 * The state of a v86 guest's CPU and devices, with its memory or without: v86's own format (version
 * 6), packed, under a header of ours.
 *
 *   ┌───────┬─────────┬──────────┬─────────────┬─────────────┬───────────┬───────┬─────────────┐
 *   │ magic │ version │ clock ms │ state bytes │ input bytes │ RAM bytes │ input │ state       │
 *   └───────┴─────────┴──────────┴─────────────┴─────────────┴───────────┴───────┴─────────────┘
 *    u32 LE  u32       f64        u32           u32           u32         serial  (sparse.ts)
 *
 * v86 0.5.462 restores less than it saves; what it gets wrong is put right here (src/cpu.js,
 * set_state; src/pci.js; src/uart.js; src/pit.js):
 *
 *   lazy-flags    `last_result`, `fpu_status_word` and `mxcsr` are replaced by detached arrays and
 *                 never reach the CPU: a conditional jump after the move may go the wrong way.
 *   pci           throws on states of guests without a BIOS (IDE has ports and no bars there), and
 *                 moves I/O bars from where they once were instead of where they are.
 *   serial-input  characters that the guest has not read yet are left out.
 *   pit           start times are the source's `performance.now()`; the timer would stand still for
 *                 as long as the target's clock is behind, or fire early.
 */
import { assert } from "../../base/assert.js";
import { PrecopyError } from "../../base/errors.js";
import { packSparse, unpackSparse } from "./sparse.js";
import type { V86Bar, V86Cpu, V86Emulator, V86Pci } from "./v86-internals.js";

/** A workaround by its name, to show in a test what happens without it. */
export type RestoreFix = "lazy-flags" | "pci" | "serial-input" | "pit" | "tsc";

const MAGIC = 0x3638_7663;
const VERSION = 1;
const HEADER_BYTES = 28;
/** v86 addresses less than 2 GiB of RAM; the rest is device buffers. */
const STATE_BYTES_MAX = 2 ** 31;
/** Unread serial input; far more than a person types ahead of a guest. */
export const INPUT_BYTES_MAX = 2 ** 16;

/** Views that `set_state` takes the CPU's away for. */
const LOST_VIEWS = ["last_result", "fpu_status_word", "mxcsr"] as const;

/** Saves the state of a guest that is between turns. */
export function saveState(emulator: V86Emulator, withMemory: boolean): Uint8Array<ArrayBuffer> {
  const { cpu } = emulator.v86;
  const packMemory = cpu.pack_memory;
  if (!withMemory) cpu.pack_memory = noMemory;
  let state: Uint8Array;
  try {
    state = new Uint8Array(emulator.v86.save_state());
  } finally {
    cpu.pack_memory = packMemory;
  }
  const input = cpu.devices.uart0.input;
  const packed = packSparse(state, HEADER_BYTES + input.length);
  const header = new DataView(packed.buffer);
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, VERSION, true);
  header.setFloat64(8, performance.now(), true);
  header.setUint32(16, state.length, true);
  header.setUint32(20, input.length, true);
  header.setUint32(24, cpu.memory_size[0] as number, true);
  packed.set(input, HEADER_BYTES);
  return packed;
}

export interface RestoreOptions {
  /** RAM comes out of the state too; else it stays as it is. */
  readonly withMemory: boolean;
  /** @internal leaves one workaround out */
  readonly without?: RestoreFix | undefined;
}

/**
 * Puts a state into a guest that does not run; it may be done again. Takes what {@link saveState}
 * gave, or, with memory, a state that v86 saved itself. Throws PrecopyError ("bad-input"); the guest
 * is in no state to run then.
 */
export function restoreState(
  emulator: V86Emulator,
  bytes: Uint8Array,
  options: RestoreOptions,
): void {
  assert(!emulator.v86.running, "state is loaded into a guest that does not run");
  const { cpu } = emulator.v86;
  const parts = readHeader(bytes, options.withMemory);
  const memoryBytes = cpu.memory_size[0] as number;
  checkMemory(parts.memoryBytes ?? memoryBytes, memoryBytes);
  const kept = LOST_VIEWS.map((name) => cpu[name]);
  const { pci } = cpu.devices;
  const { unpack_memory: unpackMemory } = cpu;
  const setPciState = pci.set_state;
  const setTsc = cpu.set_tsc;
  if (!options.withMemory) cpu.unpack_memory = () => {};
  if (options.without !== "pci") pci.set_state = (state) => restorePci(pci, state);
  if (options.without !== "tsc") cpu.set_tsc = (low, high) => restoreTsc(cpu, setTsc, low, high);
  try {
    emulator.v86.restore_state(parts.state);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badState(`v86 refuses it (${reason})`);
  } finally {
    cpu.unpack_memory = unpackMemory;
    pci.set_state = setPciState;
    cpu.set_tsc = setTsc;
    LOST_VIEWS.forEach((name, i) => {
      const [view, restored] = [kept[i] as V86Emulator["v86"]["cpu"]["mxcsr"], cpu[name]];
      if (view === restored) return;
      if (options.without !== "lazy-flags") view[0] = restored[0] as number;
      cpu[name] = view;
    });
  }
  const restoredBytes = cpu.memory_size[0] as number;
  cpu.memory_size[0] = memoryBytes;
  checkMemory(restoredBytes, memoryBytes);
  restoreInput(emulator, parts, options);
  restoreTimer(emulator, parts, options);
}

interface StateParts {
  readonly state: ArrayBuffer;
  readonly input: Uint8Array;
  /** The saver's performance.now() and RAM; undefined in a state that v86 saved itself. */
  readonly clockMs: number | undefined;
  readonly memoryBytes: number | undefined;
}

function checkMemory(ofStateBytes: number, ownBytes: number): void {
  if (ofStateBytes === ownBytes) return;
  throw badState(`it is of a guest with ${ofStateBytes} bytes of RAM, and this has ${ownBytes}`);
}

function readHeader(bytes: Uint8Array, withMemory: boolean): StateParts {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || header.getUint32(0, true) !== MAGIC) {
    if (!withMemory) throw badState("it does not begin as one");
    const input = new Uint8Array(0);
    return { state: bytes.slice().buffer, input, clockMs: undefined, memoryBytes: undefined };
  }
  const version = header.getUint32(4, true);
  if (version !== VERSION) throw badState(`it is of version ${version}, and ${VERSION} is known`);
  const [stateBytes, inputBytes] = [header.getUint32(16, true), header.getUint32(20, true)];
  if (stateBytes > STATE_BYTES_MAX || inputBytes > INPUT_BYTES_MAX) {
    throw badState(`it claims ${stateBytes} bytes of state and ${inputBytes} of serial input`);
  }
  const packed = bytes.subarray(HEADER_BYTES + inputBytes);
  const state = unpackSparse(packed, stateBytes);
  if (state === undefined) throw badState(`its ${bytes.length} bytes are not what it claims`);
  const clockMs = header.getFloat64(8, true);
  const input = bytes.slice(HEADER_BYTES, HEADER_BYTES + inputBytes);
  if (!Number.isFinite(clockMs)) throw badState("its clock is no number");
  return { state: state.buffer, input, clockMs, memoryBytes: header.getUint32(24, true) };
}

/** set_state of src/pci.js, for devices without bars, and from where the bars are. */
function restorePci(pci: V86Pci, state: readonly unknown[]): void {
  for (let slot = 0; slot < pci.devices.length; slot++) {
    const [device, space] = [pci.devices[slot], pci.device_spaces[slot]];
    const saved = state[slot];
    if (device === undefined || space === undefined || !(saved instanceof Int32Array)) continue;
    device.pci_bars.forEach((bar, i) => {
      if (bar !== undefined) moveBar(pci, bar, space[4 + i] as number, saved[4 + i] as number);
    });
    space.set(saved);
  }
  const registers = [pci.pci_addr, pci.pci_value, pci.pci_response, pci.pci_status];
  registers.forEach((register, i) => {
    register.set(state[256 + i] as Uint8Array);
  });
}

/** Bit 0 says that a bar holds I/O ports; memory bars of v86 do not move. */
function moveBar(pci: V86Pci, bar: V86Bar, from: number, to: number): void {
  if ((from & 1) === 0 || (to & 1) === 0 || from === to) return;
  pci.set_io_bars(bar, from & 0xfffe, to & 0xfffe);
}

function restoreInput(emulator: V86Emulator, parts: StateParts, options: RestoreOptions): void {
  const { input } = emulator.v86.cpu.devices.uart0;
  input.length = 0;
  if (options.without !== "serial-input") input.push(...parts.input);
}

/** The timer's phase goes on as if no time had passed between saving and restoring. */
function restoreTimer(emulator: V86Emulator, parts: StateParts, options: RestoreOptions): void {
  if (parts.clockMs === undefined || options.without === "pit") return;
  const { counter_start_time: starts } = emulator.v86.cpu.devices.pit;
  const shiftMs = performance.now() - parts.clockMs;
  for (let i = 0; i < starts.length; i++) starts[i] = (starts[i] as number) + shiftMs;
}

/** v86's counter counts nanoseconds of its clock (TSC_RATE of src/rust/cpu/cpu.rs). */
const TSC_TICKS_PER_MS = 1e6;

/**
 * set_tsc of src/rust/cpu/cpu.rs makes the offset `counter - value`, where the counter has the old
 * offset in it already; that one is found out and taken into account. The clock is read first: an
 * error makes the counter go ahead, never back.
 */
function restoreTsc(cpu: V86Cpu, setTsc: V86Cpu["set_tsc"], low: number, high: number): void {
  const clock = BigInt(Math.floor(performance.now() * TSC_TICKS_PER_MS));
  cpu.store_current_tsc();
  const [nowLow, nowHigh] = [cpu.current_tsc[0] as number, cpu.current_tsc[1] as number];
  const offset = clock - counterOf(nowLow, nowHigh);
  const wanted = BigInt.asUintN(64, counterOf(low, high) - offset);
  setTsc(Number(wanted & 0xffff_ffffn), Number(wanted >> 32n));
}

function counterOf(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function noMemory(): { packed_memory: Uint8Array; bitmap: { get_buffer(): ArrayBuffer } } {
  return { packed_memory: new Uint8Array(0), bitmap: { get_buffer: () => new ArrayBuffer(0) } };
}

function badState(what: string): PrecopyError {
  return new PrecopyError(
    "bad-input",
    `the device state cannot be loaded: ${what}; save it anew on v86 of the same build`,
  );
}
