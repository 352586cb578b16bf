/**
 * The guests that come to a `precopy serve`: makes an empty machine for each, follows it from
 * stage to stage, and measures how it comes back to speed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PrecopyError } from "../../base/errors.js";
import { formatBytes } from "../../base/units.js";
import { monotonicNs } from "../../live/clock.js";
import type { FaultStalls } from "../../live/shadow/index.js";
import { V86Guest } from "../../live/v86/index.js";
import type { V86Package } from "../../live/v86/v86-package.js";
import { measureWarmUp } from "../../live/warm-up.js";
import type { MachineDescription } from "../../migrate/ports.js";
import { readBytes } from "./link-flags.js";
import type { AttemptView } from "./receiver.js";
import { SerialText } from "./serial-text.js";
import { type ServeLog, wordsOf } from "./serve-log.js";
import { type SavedGuest, writeStateFile } from "./state-file.js";

export interface ArrivalsOptions {
  readonly v86: V86Package;
  /** Of all guests together. */
  readonly memoryBytesMax: number;
  /** Where SeaBIOS was put by `npm run linux-guest`. */
  readonly linuxFolder: string;
  readonly log: ServeLog;
  /** Tells what the guests write; "raw" as it comes. */
  readonly serial: "none" | "lines" | "raw";
  /** Guests may run before their pages are here. */
  readonly postCopy: boolean;
  /** A guest runs here, with all of its memory. */
  readonly running: (guest: Arrival) => void;
  /** An attempt came to nothing. */
  readonly failed: () => void;
}

/** A guest that comes, or has come. */
export interface Arrival {
  readonly name: string;
  readonly machine: V86Guest;
  readonly serial: SerialText;
}

interface Attempt {
  /** The target forgets it when all has been said. */
  machine: V86Guest | undefined;
  stage: string;
  beganNs: number;
  wholeNs: number;
}

/** Debian's packages seabios and, for the VGA BIOS, the same. */
const SEABIOS = "/usr/share/seabios";

type Firmware = NonNullable<SavedGuest["firmware"]>;

export class Arrivals {
  readonly running: Arrival[] = [];
  private readonly made = new Map<
    V86Guest,
    Arrival & { readonly saved: Omit<SavedGuest, "boot"> }
  >();
  private readonly attempts = new Map<unknown, Attempt>();
  private readonly ending = new AbortController();

  constructor(private readonly options: ArrivalsOptions) {}

  /** An empty machine like the one that the guest leaves. */
  async create(guest: MachineDescription): Promise<V86Guest> {
    const { v86, memoryBytesMax } = this.options;
    if (guest.kind !== "v86") {
      throw new PrecopyError("unsupported", `v86 guests are taken here, and this is ${guest.kind}`);
    }
    const memoryBytes = guest.pages * guest.pageSizeBytes;
    const usedBytes = [...this.made.values()].reduce(
      (sum, { saved }) => sum + saved.memoryBytes,
      0,
    );
    if (usedBytes + memoryBytes > memoryBytesMax) {
      throw new PrecopyError(
        "limit",
        `${formatBytes(memoryBytes)} for ${guest.name} and ${formatBytes(usedBytes)} that guests ` +
          `have here are more than --max-memory ${formatBytes(memoryBytesMax)}`,
      );
    }
    const vga = /VGA (\d+) KiB/.exec(guest.devices)?.[1];
    const firmware = guest.devices.startsWith("firmware") ? await this.firmware() : undefined;
    const saved = {
      name: guest.name,
      memoryBytes,
      ...(vga !== undefined && { vgaMemoryBytes: Number(vga) * 1024 }),
      ...(firmware !== undefined && { firmware }),
    };
    const machine = await V86Guest.create({ ...v86, ...saved });
    const { log, serial } = this.options;
    const text = new SerialText((piece) => log.serial(guest.name, piece));
    machine.onSerial((byte) => {
      const character = String.fromCharCode(byte);
      if (serial === "raw") log.raw(character);
      else if (serial === "lines") text.put(character);
    });
    this.made.set(machine, { name: guest.name, machine, serial: text, saved });
    const destroy = machine.destroy.bind(machine);
    machine.destroy = () => {
      this.made.delete(machine);
      return destroy();
    };
    return machine;
  }

  /** Something happened to an attempt. */
  changed(view: AttemptView): void {
    const { log } = this.options;
    const { key, stage, guest, bytesReceived, checkedPages } = view;
    const nowNs = monotonicNs();
    const attempt = this.attempts.get(key) ?? {
      ...{ machine: undefined, stage: "idle", beganNs: nowNs, wholeNs: nowNs },
    };
    if (attempt.stage !== "running") attempt.machine ??= view.machine;
    this.attempts.set(key, attempt);
    const name = wordsOf(guest?.name ?? "the guest");
    if (stage === attempt.stage) {
      if (stage === "receiving") log.progress({ name, bytesReceived, checkedPages });
      return;
    }
    attempt.stage = stage;
    switch (stage) {
      case "receiving":
        return guest && log.arriving(guest, wordsOf(view.from ?? ""));
      case "whole":
        attempt.wholeNs = nowNs;
        return log.whole({ name, bytesReceived, checkedPages, afterNs: nowNs - attempt.beganNs });
      case "running": {
        const { machine } = attempt;
        // Remembered without its guest, which may move on.
        attempt.machine = undefined;
        return this.ran(machine, nowNs - attempt.wholeNs);
      }
      case "refused":
      case "abandoned":
        log.gone(name, wordsOf(view.reason));
        return this.options.failed();
    }
  }

  /** Post-copy: the last page that was absent is here. */
  followed(machine: V86Guest, stalls: FaultStalls): void {
    const arrival = this.made.get(machine);
    if (arrival === undefined) return;
    this.options.log.followed(wordsOf(arrival.name), stalls);
    this.options.running(arrival);
  }

  /** Stops all guests; `path` keeps the one that came last. */
  async end(path?: string): Promise<void> {
    this.ending.abort();
    const last = this.running.at(-1);
    if (last !== undefined && path !== undefined) {
      await last.machine.pause();
      const saved = this.made.get(last.machine)?.saved as Omit<SavedGuest, "boot">;
      const boot = { state: last.machine.saveState() };
      const savedBytes = await writeStateFile(path, { ...saved, boot });
      this.options.log.saved(last.name, path, savedBytes);
    }
    for (const { machine, serial } of [...this.made.values()]) {
      serial.flush();
      await machine.destroy();
    }
  }

  private ran(machine: V86Guest | undefined, afterWholeNs: number): void {
    const arrival = machine && this.made.get(machine);
    if (arrival === undefined) return;
    const { log } = this.options;
    this.running.push(arrival);
    log.runs(wordsOf(arrival.name), afterWholeNs);
    if (!this.options.postCopy) this.options.running(arrival);
    const { signal } = this.ending;
    void measureWarmUp(arrival.machine, { signal }).then((warmUp) => {
      if (!signal.aborted) log.warmUp(wordsOf(arrival.name), warmUp);
    });
  }

  /** What guests that booted by a BIOS have: SeaBIOS, of the cache folder or of the system. */
  private async firmware(): Promise<Firmware> {
    const { linuxFolder } = this.options;
    const places = [
      [join(linuxFolder, "bios.bin"), join(linuxFolder, "vgabios.bin")],
      [join(SEABIOS, "bios.bin"), join(SEABIOS, "vgabios-stdvga.bin")],
    ] as const;
    for (const [bios, vgaBios] of places) {
      if (!existsSync(bios) || !existsSync(vgaBios)) continue;
      return { bios: await readBytes(bios), vgaBios: await readBytes(vgaBios) };
    }
    throw new PrecopyError(
      "unsupported",
      `the guest needs firmware and there is none in ${linuxFolder} or ${SEABIOS}: run ` +
        "`npm run linux-guest` here, or install Debian's package seabios",
    );
  }
}
