/**
 * A guest that is booted here, runs for a while, and is moved away: what `migrate` and `demo` share.
 * Ctrl-C cancels until the target may have permission to run the guest; from then on it is too late.
 */
import type { ConnectionOptions } from "node:tls";
import { sleepNs } from "../../live/live-link.js";
import { LiveMigration } from "../../live/live-migration.js";
import type { LiveProgress } from "../../live/live-progress.js";
import type { LiveResult } from "../../live/live-result.js";
import { nodeCrypto } from "../../live/node-crypto.js";
import type { Address } from "../../live/transport/address.js";
import { connectTcp } from "../../live/transport/tcp.js";
import { V86Guest } from "../../live/v86/index.js";
import { loadV86 } from "../../live/v86/v86-package.js";
import type { Registry } from "../../migrate/registry.js";
import { Interrupted, type Session } from "../session.js";
import { loadCompressors } from "./compressors.js";
import type { GuestPlan } from "./guest-plan.js";
import { progressText } from "./progress-text.js";
import { writeStateFile } from "./state-file.js";

export interface MoveWishes {
  readonly to: Address;
  readonly strategy: string;
  readonly registry: Registry;
  /** How long it runs here first. */
  readonly warmNs: number;
  readonly seed: number;
  readonly bandwidthBytesPerSec?: number;
  readonly downtimeLimitNs: number;
  readonly timeoutNs?: number;
  readonly verify: boolean;
  readonly secret?: Uint8Array;
  readonly tls?: ConnectionOptions;
  /** Where the guest is saved if it does not leave. */
  readonly saveState?: string;
}

export interface MoveHooks {
  /** A byte of the guest's serial port, as a character. */
  readonly serial?: (character: string) => void;
  readonly moving?: (migration: LiveMigration) => void;
  readonly progress?: (progress: LiveProgress) => void;
}

export interface Moved {
  readonly result: LiveResult;
  /** All that the guest sent on its serial port while it was here. */
  readonly serial: string;
  readonly interrupted: boolean;
  /** Bytes of the file, if it was saved. */
  readonly savedBytes: number | undefined;
}

/** Of a guest's output so much is kept to be judged. */
const SERIAL_CHARS_MAX = 2 ** 22;

export async function moveGuest(
  session: Session,
  plan: GuestPlan,
  wishes: MoveWishes,
  hooks: MoveHooks = {},
): Promise<Moved> {
  const guest = await V86Guest.create({ ...(await loadV86()), ...plan.options });
  let serial = "";
  guest.onSerial((byte) => {
    const character = String.fromCharCode(byte);
    if (serial.length < SERIAL_CHARS_MAX) serial += character;
    hooks.serial?.(character);
  });
  const interrupts = new Interrupts(session);
  try {
    guest.resume();
    if (plan.typed !== "") guest.sendSerial(plan.typed);
    session.progress(() => `${plan.name}  runs here`);
    await Promise.race([sleepNs(wishes.warmNs), interrupts.first]);
    if (interrupts.count > 0) throw new Interrupted("interrupted before the guest began to move");
    const compressors = await loadCompressors();
    const migration = await LiveMigration.start({
      ...migrationOptions(guest, wishes),
      compressors,
      progress: (progress) => {
        session.progress(() => progressText(plan.name, progress));
        hooks.progress?.(progress);
      },
    });
    hooks.moving?.(migration);
    interrupts.watch(migration);
    const result = await migration.ended;
    let savedBytes: number | undefined;
    if (wishes.saveState !== undefined && result.outcome !== "target-runs") {
      await guest.pause();
      const boot = { state: guest.saveState() };
      savedBytes = await writeStateFile(wishes.saveState, { ...savable(plan), boot });
    }
    return { result, serial, interrupted: interrupts.cancelled, savedBytes };
  } finally {
    interrupts.release();
    session.close();
    await guest.destroy();
  }
}

function migrationOptions(machine: V86Guest, wishes: MoveWishes) {
  const { to, tls, secret, bandwidthBytesPerSec, timeoutNs } = wishes;
  const { strategy, registry, seed, downtimeLimitNs, verify } = wishes;
  return {
    ...{ machine, strategy, registry, seed, downtimeLimitNs, verify, crypto: nodeCrypto },
    ...(secret !== undefined && { secret }),
    ...(timeoutNs !== undefined && { timeoutNs }),
    ...(bandwidthBytesPerSec !== undefined && { bandwidthBytesPerSec }),
    connect: () => connectTcp({ ...to, ...(tls !== undefined && { tls }) }),
  };
}

function savable({ name, options }: GuestPlan) {
  const { memoryBytes, vgaMemoryBytes, firmware } = options;
  return {
    name,
    memoryBytes,
    ...(vgaMemoryBytes !== undefined && { vgaMemoryBytes }),
    ...(firmware !== undefined && {
      firmware: firmware as { bios: Uint8Array; vgaBios: Uint8Array },
    }),
  };
}

/** Ctrl-C: the first cancels, or says that it is too late; the second ends the program. */
class Interrupts {
  count = 0;
  cancelled = false;
  readonly first: Promise<void>;
  readonly release: () => void;
  private migration: LiveMigration | undefined;
  private tell: () => void = () => {};

  constructor(private readonly session: Session) {
    this.first = new Promise((resolve) => {
      this.tell = resolve;
    });
    this.release = session.io.onInterrupt(() => this.interrupt());
  }

  watch(migration: LiveMigration): void {
    this.migration = migration;
    if (this.count > 0) this.cancel(migration);
  }

  private interrupt(): void {
    this.count++;
    this.tell();
    if (this.count > 1) {
      this.session.close();
      this.session.io.exit(130);
    } else if (this.migration !== undefined) {
      this.cancel(this.migration);
    }
  }

  private cancel(migration: LiveMigration): void {
    this.cancelled = migration.cancel();
    if (this.cancelled || migration.engine.ended) return;
    this.session.note(
      "too late to cancel: the target may run the guest already, and its answer is awaited; " +
        "Ctrl-C again ends this program without knowing",
    );
  }
}
