/**
 * Accesses to a v86 guest's memory that are JavaScript's: devices read and write it physically,
 * past the TLB, by `cpu.read8/16/32s` and `cpu.write8/16/32` (virtio rings, IDE descriptors),
 * `cpu.zero_memory` (virtio balloon) and by `cpu.mem8`, itself (DMA controller, IDE bus master,
 * the BIOS window below 4 GiB) or below `read_blob` and `write_blob` (copy/v86, src/cpu.js,
 * src/dma.js, src/ide.js, src/virtio.js). Here each of them says so before it happens.
 */
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { V86Cpu } from "./v86-internals.js";

const BYTES = { read8: 1, read16: 2, read32s: 4, write8: 1, write16: 2, write32: 4 } as const;

/** Calls `use` before each access, with the page; what is returned ends it. */
export function onDeviceAccess(cpu: V86Cpu, use: (pfn: number) => void): () => void {
  const before = { zero_memory: cpu.zero_memory, mem8: cpu.mem8 };
  const touch = (address: number, bytes: number): void => {
    const from = address >>> 0;
    const last = Math.floor((from + bytes - 1) / PAGE_SIZE_BYTES);
    for (let pfn = Math.floor(from / PAGE_SIZE_BYTES); pfn <= last; pfn++) use(pfn);
  };
  const narrow = (Object.keys(BYTES) as (keyof typeof BYTES)[]).map((name) => {
    const access = cpu[name] as (address: number, value?: number) => number;
    // Reads and writes alike: one calls on with what it was given.
    const watched = (address: number, value?: number): number => {
      touch(address, BYTES[name]);
      return access.call(cpu, address, value);
    };
    Object.assign(cpu, { [name]: watched });
    return () => Object.assign(cpu, { [name]: access });
  });
  cpu.zero_memory = (start, bytes) => {
    touch(start, bytes);
    before.zero_memory.call(cpu, start, bytes);
  };
  cpu.mem8 = watchedBytes(before.mem8, touch);
  return () => {
    for (const restore of narrow) restore();
    Object.assign(cpu, before);
  };
}

/** A view that tells of what is taken from it and put into it. */
function watchedBytes(
  bytes: Uint8Array,
  touch: (address: number, bytes: number) => void,
): Uint8Array {
  const part = (from = 0, to = bytes.length): void => {
    const [first, end] = [clamp(from, bytes.length), clamp(to, bytes.length)];
    if (end > first) touch(first, end - first);
  };
  const methods: Readonly<Record<string, unknown>> = {
    subarray(from?: number, to?: number) {
      part(from, to);
      return bytes.subarray(from, to);
    },
    slice(from?: number, to?: number) {
      part(from, to);
      return bytes.slice(from, to);
    },
    set(source: ArrayLike<number>, at = 0) {
      part(at, at + source.length);
      bytes.set(source, at);
    },
  };
  return new Proxy({} as Uint8Array, {
    get(_, name) {
      if (typeof name === "string") {
        if (isIndex(name)) touch(Number(name), 1);
        else if (methods[name] !== undefined) return methods[name];
      }
      const value: unknown = Reflect.get(bytes, name);
      // Nothing in v86 asks for another method; one that does may use any of it.
      if (typeof value === "function") part();
      return value;
    },
    set(_, name, value) {
      if (typeof name === "string" && isIndex(name)) touch(Number(name), 1);
      return Reflect.set(bytes, name, value);
    },
  });
}

function isIndex(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 48 && first <= 57;
}

/** An end of a range as typed arrays take it: from the end where it is negative. */
function clamp(index: number, length: number): number {
  return index < 0 ? Math.max(0, length + index) : Math.min(index, length);
}
