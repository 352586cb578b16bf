/**
 * A machine in a worker: boots a tiny guest, has it moved away, and takes one in. It is the engine's
 * thread and the guest's; the page is told and only shows.
 *
 *   empty ── boot ──> running ── migrate ──> leaving ──> empty, or running when it did not go
 *     └── a source connects ──> arriving ──> running, or empty when it did not come
 */
import { PrecopyError } from "../base/errors.js";
import { tinyGuest } from "../live/guests/tiny.js";
import { mayPostCopy } from "../live/live-config.js";
import { LiveMigration } from "../live/live-migration.js";
import type { LiveResult } from "../live/live-result.js";
import { LiveServer } from "../live/live-server.js";
import type { LiveTarget } from "../live/live-target.js";
import {
  type BroadcastListener,
  connectBroadcast,
  listenBroadcast,
} from "../live/transport/broadcast-channel.js";
import type { Transport } from "../live/transport/transport.js";
import { V86Guest } from "../live/v86/v86-guest.js";
import type { V86Class } from "../live/v86/v86-internals.js";
import { webCrypto } from "../live/web-crypto.js";
import { Registry } from "../migrate/registry.js";
import { connectLine, joinLine, type Line } from "./line.js";
import type {
  BootOptions,
  MigrateOptions,
  News,
  Phase,
  Pulse,
  ReceiveOptions,
} from "./messages.js";

export interface GuestHostOptions {
  readonly V86: V86Class;
  /** Contents of v86.wasm. */
  readonly wasm: ArrayBuffer;
  tell(news: News): void;
}

const PULSE_MS = 100;
const PROGRESS_MS = 50;

export class GuestHost {
  private guest: V86Guest | undefined;
  private migration: LiveMigration | undefined;
  private target: LiveTarget | undefined;
  private server: LiveServer | undefined;
  private listener: BroadcastListener | undefined;
  private line: Line | undefined;
  private receiving: ReceiveOptions | undefined;
  private serial = "";
  private toldPhase: Phase = "empty";
  private busy = false;
  private readonly beat: ReturnType<typeof setInterval>;

  constructor(private readonly options: GuestHostOptions) {
    this.beat = setInterval(() => this.pulse(), PULSE_MS);
  }

  get phase(): Phase {
    if (this.migration !== undefined) return "leaving";
    if (this.guest !== undefined) return "running";
    return this.target?.guest === undefined ? "empty" : "arriving";
  }

  /** Boots a tiny guest; throws where there is one already, or an option is out of its limits. */
  async boot({ memoryBytes, ...wishes }: BootOptions): Promise<void> {
    await this.alone(async () => {
      this.checkFree();
      const { image, commandLine, minMemoryBytes } = tinyGuest(wishes);
      if (!(memoryBytes >= minMemoryBytes)) {
        throw new PrecopyError(
          "limit",
          `${memoryBytes} bytes of memory do not hold the guest's pages: give ${minMemoryBytes} or more`,
        );
      }
      const boot = { multiboot: image, cmdline: commandLine };
      const guest = await this.machine(memoryBytes, "tiny", boot);
      this.hold(guest);
      guest.resume();
    });
  }

  /** A port of a MessageChannel whose other port another worker was given. */
  join(port: MessagePort): void {
    this.line?.close();
    this.line = joinLine(port, (transport) => void this.server?.accept(transport));
  }

  /** From now on takes a guest in whenever there is none here. */
  receive(options: ReceiveOptions): void {
    this.receiving = options;
    this.serve();
  }

  /** Moves the guest away; resolves with how it ended, rejects when it could not begin. */
  async migrate(options: MigrateOptions): Promise<LiveResult> {
    return await this.alone(async () => {
      const { guest } = this;
      if (guest === undefined) {
        throw new PrecopyError("bad-input", "no guest is here that could move: start one first");
      }
      checkStrategy(options.strategy);
      const first = await this.connect(options);
      const unused = [first];
      const { channel, callMs, ...wishes } = options;
      const migration = await LiveMigration.start({
        ...wishes,
        machine: guest,
        crypto: webCrypto,
        connect: async () => unused.pop() ?? (await this.connect(options)),
      }).catch((error: unknown) => {
        first.destroy();
        throw error;
      });
      this.migration = migration;
      this.pulse();
      const look = setInterval(() => this.report(migration), PROGRESS_MS);
      try {
        return await migration.ended;
      } finally {
        clearInterval(look);
        await this.settle(migration, guest);
      }
    });
  }

  /** False when there is nothing to cancel, or no longer. */
  cancel(): boolean {
    return this.migration?.cancel() ?? false;
  }

  /** Types at the guest's serial port. */
  type(text: string): void {
    this.guest?.sendSerial(text);
  }

  /** Ends the guest that runs here. */
  async stop(): Promise<void> {
    await this.alone(async () => {
      const { guest } = this;
      this.guest = undefined;
      await guest?.destroy();
      this.serve();
      this.pulse();
    });
  }

  async close(): Promise<void> {
    clearInterval(this.beat);
    this.cancel();
    this.listener?.close();
    this.line?.close();
    await this.server?.close();
    await this.guest?.destroy();
  }

  private connect({ channel, callMs }: MigrateOptions): Promise<Transport> {
    if (channel !== undefined) {
      return connectBroadcast({
        name: channel,
        ...(callMs !== undefined && { timeoutMs: callMs }),
      });
    }
    if (this.line !== undefined) return connectLine(this.line);
    throw new PrecopyError("bad-input", "no worker was joined with this one, and no channel given");
  }

  /** A guest that went is no longer held, and its place takes the next one. */
  private async settle(migration: LiveMigration, guest: V86Guest): Promise<void> {
    const { outcome } = migration.engine.report();
    this.migration = undefined;
    if (outcome !== "source-runs") {
      this.guest = undefined;
      // In doubt: the target may run it. Here it must not, but nothing can free it for us.
      await guest.destroy();
      this.serve();
    }
    this.pulse();
  }

  /** Forgets the guest that came before with its server, so that its memory can go. */
  private serve(): void {
    const { receiving } = this;
    if (receiving === undefined) return;
    void this.server?.close();
    this.listener?.close();
    this.target = undefined;
    const { channel, secret, memoryBytesMax } = receiving;
    const server = new LiveServer({
      crypto: webCrypto,
      ...(secret !== undefined && { secret }),
      ...(memoryBytesMax !== undefined && { memoryBytesMax }),
      createMachine: async ({ pages, pageSizeBytes, name }) => {
        this.checkFree();
        return await this.machine(pages * pageSizeBytes, name);
      },
      changed: (target) => this.arriving(target),
      refused: ({ message }) => this.options.tell({ kind: "refused", reason: message }),
    });
    this.server = server;
    if (channel === undefined) return;
    const onTransport = (transport: Transport) => void server.accept(transport);
    this.listener = listenBroadcast({ name: channel, onTransport });
  }

  private arriving(target: LiveTarget): void {
    const machine = target.machine as V86Guest | undefined;
    if (this.guest === undefined) this.target = target;
    if (machine?.running === true && this.guest === undefined) this.hold(machine);
    if (this.phase !== this.toldPhase) this.pulse();
  }

  private hold(guest: V86Guest): void {
    this.guest = guest;
    this.pulse();
  }

  private async machine(
    memoryBytes: number,
    name: string,
    boot?: { multiboot: Uint8Array; cmdline: string },
  ): Promise<V86Guest> {
    const { V86, wasm } = this.options;
    const guest = await V86Guest.create({ V86, wasm, memoryBytes, name, ...(boot && { boot }) });
    guest.onSerial((byte) => {
      this.serial += String.fromCharCode(byte);
    });
    return guest;
  }

  private checkFree(): void {
    if (this.guest === undefined) return;
    throw new PrecopyError("bad-input", "a guest is here already: stop it, or move it away");
  }

  /** Orders that make or end a guest do not meet one another. */
  private async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.busy) {
      throw new PrecopyError("bad-input", "the worker is at another order: cancel it, or wait");
    }
    this.busy = true;
    try {
      return await work();
    } finally {
      this.busy = false;
    }
  }

  private report(migration: LiveMigration): void {
    const { engine } = migration;
    const progress = migration.progress();
    this.options.tell({ kind: "progress", progress, rounds: engine.rounds });
  }

  private pulse(): void {
    const { guest, target } = this;
    const phase = this.phase;
    this.toldPhase = phase;
    const pulse: Pulse = {
      phase,
      serial: this.serial,
      turning: guest?.running ?? false,
      memoryBytes: (guest?.pages ?? target?.guest?.pages ?? 0) * 4096,
      instructions: guest?.instructions() ?? 0,
      bytesReceived: target?.bytesReceived ?? 0,
      pagesChecked: target?.checkedPages ?? 0,
    };
    this.serial = "";
    this.options.tell({ kind: "pulse", pulse });
  }
}

function checkStrategy(name: string): void {
  if (!mayPostCopy(Registry.standard().resolve(name))) return;
  throw new PrecopyError(
    "unsupported",
    `"${name}" may let the guest run before all its pages have come, and a guest in a page cannot wait for them: take pre-copy or seed`,
  );
}
