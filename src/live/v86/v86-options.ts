/**
 * What a v86 guest is made of, checked before v86 sees it: v86 itself rounds what it does not like,
 * or fails where nobody can catch it.
 */
import { PrecopyError } from "../../base/errors.js";
import type { RestoreFix } from "./device-state.js";
import { isMultiboot } from "./multiboot.js";
import { bytesOf, type ImageBytes, type Tracking } from "./v86-build.js";
import type { V86Class, V86Options } from "./v86-internals.js";

/** What a guest starts from; none: an empty machine, which a guest is moved to. */
export type V86Boot =
  /** A Multiboot 1 kernel; needs no firmware. */
  | {
      readonly multiboot: ImageBytes;
      readonly initrd?: ImageBytes;
      readonly cmdline?: string;
    }
  /** A Linux kernel; needs firmware. */
  | { readonly bzimage: ImageBytes; readonly initrd?: ImageBytes; readonly cmdline?: string }
  /** What {@link V86Guest.saveState} gave, or a state that v86 saved, of an equal machine. */
  | { readonly state: ImageBytes };

export interface V86GuestOptions {
  /** The class of the package v86. */
  readonly V86: V86Class;
  /** The bytes of its build/v86.wasm. */
  readonly wasm: ImageBytes;
  /** RAM: a multiple of 128 KiB, from 1 MiB (64 MiB with an initrd) to below 2 GiB. */
  readonly memoryBytes: number;
  /** Video memory: a power of two from 256 KiB to 16 MiB; default 256 KiB. */
  readonly vgaMemoryBytes?: number;
  /** SeaBIOS and its VGA BIOS, for what does not boot by multiboot; both ends have it or none. */
  readonly firmware?: { readonly bios: ImageBytes; readonly vgaBios: ImageBytes };
  readonly boot?: V86Boot;
  /** In reports; default "v86". */
  readonly name?: string;
  /** How writes are found out; default "auto": by the TLB where that works, else by hashes. */
  readonly tracking?: Tracking;
  /** @internal leaves out one workaround for v86's restoring, for tests */
  readonly without?: RestoreFix;
}

const MEMORY_STEP_BYTES = 2 ** 17;
const MEMORY_MAX_BYTES = 2 ** 31 - MEMORY_STEP_BYTES;
const INITRD_MEMORY_MIN_BYTES = 2 ** 26;
const VGA_MEMORY_MIN_BYTES = 2 ** 18;
const VGA_MEMORY_MAX_BYTES = 2 ** 24;

/** v86's own options, with copies of the images: v86 keeps them, and takes whole buffers only. */
export function checkedOptions(options: V86GuestOptions): V86Options {
  const { memoryBytes, vgaMemoryBytes = VGA_MEMORY_MIN_BYTES, firmware } = options;
  const boot: V86Boot | Record<never, never> = options.boot ?? {};
  const initrd = "initrd" in boot ? boot.initrd : undefined;
  const minBytes = initrd === undefined ? 2 ** 20 : INITRD_MEMORY_MIN_BYTES;
  check(
    memoryBytes % MEMORY_STEP_BYTES === 0 &&
      memoryBytes >= minBytes &&
      memoryBytes <= MEMORY_MAX_BYTES,
    `memoryBytes is ${memoryBytes} and has to be a multiple of ${MEMORY_STEP_BYTES} from ` +
      `${minBytes} to ${MEMORY_MAX_BYTES}`,
  );
  check(
    (vgaMemoryBytes & (vgaMemoryBytes - 1)) === 0 &&
      vgaMemoryBytes >= VGA_MEMORY_MIN_BYTES &&
      vgaMemoryBytes <= VGA_MEMORY_MAX_BYTES,
    `vgaMemoryBytes is ${vgaMemoryBytes} and has to be a power of two from ` +
      `${VGA_MEMORY_MIN_BYTES} to ${VGA_MEMORY_MAX_BYTES}`,
  );
  const made: V86Options = { memory_size: memoryBytes, vga_memory_size: vgaMemoryBytes };
  if (firmware !== undefined) {
    made.bios = image(firmware.bios);
    made.vga_bios = image(firmware.vgaBios);
  }
  if ("multiboot" in boot) {
    check(isMultiboot(bytesOf(boot.multiboot)), "the image has no Multiboot 1 header");
    check(firmware === undefined, "a multiboot image boots without firmware; leave firmware out");
    made.multiboot = image(boot.multiboot);
  } else if ("bzimage" in boot) {
    check(firmware !== undefined, "a bzimage boots with firmware; pass SeaBIOS as firmware");
    made.bzimage = image(boot.bzimage);
  }
  if (initrd !== undefined) made.initrd = image(initrd);
  if ("cmdline" in boot && boot.cmdline !== undefined) made.cmdline = boot.cmdline;
  return made;
}

/** The devices that a configuration has, as far as the version does not fix them. */
export function devicesOf(made: V86Options): string {
  const firmware = made.bios === undefined ? "no firmware" : "firmware";
  return `${firmware}, VGA ${(made.vga_memory_size as number) / 1024} KiB, serial port`;
}

function image(source: ImageBytes): { buffer: ArrayBuffer } {
  return { buffer: bytesOf(source).slice().buffer as ArrayBuffer };
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new PrecopyError("bad-input", `the v86 guest: ${message}`);
}
