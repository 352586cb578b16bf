/**
 * The engine on a bench, without any machine: commands are answered as told, in virtual time, and
 * kept in a list. Reading and asking cost nothing; frames leave one after the other, each as long
 * after the one before as is said.
 */
import { Kernels } from "../../src/kernels/index.js";
import type { Command, MigrationEvent, PeerMessage } from "../../src/migrate/messages.js";
import { Migration } from "../../src/migrate/migration.js";
import { Registry } from "../../src/migrate/registry.js";
import { resolveConfigs } from "../../src/model/setup.js";
import { type SmallOptions, small } from "./specs.js";

export interface EngineBenchOptions extends SmallOptions {
  readonly registry?: Registry;
  /** How long a frame of so many pages (0: no pages) is on its way out. */
  readonly sendNs?: (pages: number) => number;
}

/** A command as it was when it was given: lists of pages are copied. */
export interface Given {
  readonly atNs: number;
  readonly kind: Command["kind"];
  readonly command: Command;
  readonly pages: readonly number[];
}

export class EngineBench {
  readonly engine: Migration;
  readonly given: Given[] = [];
  /** Pages that each reading of the log shows; none when the list has run out. */
  readings: number[][] = [];
  nowNs = 0;
  private readonly events: MigrationEvent[] = [];
  private wireFreeNs = 0;

  constructor(private readonly options: EngineBenchOptions) {
    const spec = small({ activity: { kind: "idle" }, ...options });
    const [config] = resolveConfigs(spec, options.registry ?? Registry.standard());
    this.engine = new Migration(config!, Kernels.loadSync({ arenaBytes: 16 << 20 }));
  }

  /** Something happens at its instant, after what happens at the same one already. */
  at(event: MigrationEvent): void {
    const later = this.events.findIndex(({ atNs }) => atNs > event.atNs);
    this.events.splice(later < 0 ? this.events.length : later, 0, event);
  }

  peer(message: PeerMessage, atNs = this.nowNs): void {
    this.at({ kind: "peer", message, atNs, receivedNs: atNs });
  }

  /** Begins at 0 and goes on until `untilNs`, or until nothing is left to happen. */
  start(untilNs = Number.POSITIVE_INFINITY): void {
    this.at({ kind: "start", atNs: 0 });
    this.run(untilNs);
  }

  run(untilNs = Number.POSITIVE_INFINITY): void {
    while (this.events.length > 0 && this.events[0]!.atNs <= untilNs && !this.engine.ended) {
      const event = this.events.shift()!;
      this.nowNs = event.atNs;
      const out: Command[] = [];
      this.engine.handle(event, out);
      for (const command of out) this.take(command);
    }
  }

  kinds(): string[] {
    return this.given.map(({ kind }) => kind);
  }

  /** Pages of every batch that was read for sending. */
  batches(): (readonly number[])[] {
    return this.given.filter(({ kind }) => kind === "read-batch").map(({ pages }) => pages);
  }

  private take(command: Command): void {
    const atNs = this.nowNs;
    const pages = command.kind === "read-batch" ? [...command.pages.view()] : [];
    this.given.push({ atNs, kind: command.kind, command, pages });
    if (!("id" in command)) return;
    const { id } = command;
    switch (command.kind) {
      case "set-timer":
        return this.at({ kind: "timer", id, atNs: command.atNs, virtualNs: 0 });
      case "harvest": {
        const reading = this.readings.shift() ?? [];
        command.into.reset();
        for (const page of reading) command.into.set(page);
        return this.at({ kind: "harvested", id, atNs, count: reading.length, virtualNs: 0 });
      }
      case "read-batch": {
        const bodyBytes = pages.length * 4096;
        return this.at({ kind: "batch-read", id, atNs, bodyBytes, headerPages: pages.length });
      }
      case "send": {
        const takesNs = this.options.sendNs?.(command.pageCount) ?? 0;
        this.wireFreeNs = Math.max(atNs, this.wireFreeNs) + takesNs;
        return this.at({ kind: "sent", id, atNs: this.wireFreeNs });
      }
      default:
        return this.at({ kind: "done", id, atNs, virtualNs: 0 });
    }
  }
}
