/** A QMP server for tests: greets, answers by a script, and remembers every command that it was sent. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeCommand {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly id?: unknown;
}

/** A value is answered, a Refusal refused, text sent as it is; undefined: no answer at all. */
export type FakeAnswer = object | string | undefined;
export type FakeScript = (command: FakeCommand, server: FakeQmp) => FakeAnswer;

export class Refusal {
  constructor(
    readonly qmpClass: string,
    readonly desc: string,
  ) {}
}

export const GREETING = {
  QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 }, package: "fake" }, capabilities: [] },
};

export interface FakeQmpOptions {
  /** What is sent to a client at once; "" for silence. */
  readonly greeting?: string;
  readonly script?: FakeScript;
}

export class FakeQmp {
  readonly commands: FakeCommand[] = [];
  readonly sockets: Socket[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), "precopy-fake-qmp-"));
  private readonly server: Server;
  private text = "";

  private constructor(private readonly options: FakeQmpOptions) {
    this.server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on("error", () => {});
      const { greeting = `${JSON.stringify(GREETING)}\r\n` } = options;
      if (greeting !== "") socket.write(greeting);
      socket.on("data", (bytes) => this.receive(bytes.toString("utf8")));
    });
  }

  static async listen(options: FakeQmpOptions = {}): Promise<FakeQmp> {
    const fake = new FakeQmp(options);
    await new Promise<void>((resolve) => fake.server.listen(fake.path, resolve));
    return fake;
  }

  get path(): string {
    return join(this.folder, "qmp");
  }

  /** The first client has come. */
  async connected(): Promise<void> {
    if (this.sockets.length === 0) await once(this.server, "connection");
  }

  /** Names of the commands so far. */
  get names(): string[] {
    return this.commands.map(({ execute }) => execute);
  }

  send(message: object | string): void {
    const text = typeof message === "string" ? message : `${JSON.stringify(message)}\r\n`;
    for (const socket of this.sockets) socket.write(text);
  }

  event(name: string, data: object = {}, atMs = Date.now()): void {
    const seconds = Math.floor(atMs / 1000);
    const microseconds = Math.round((atMs - seconds * 1000) * 1000);
    this.send({ event: name, data, timestamp: { seconds, microseconds } });
  }

  hangUp(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.hangUp();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private receive(text: string): void {
    this.text += text;
    const lines = this.text.split("\n");
    this.text = lines.pop() ?? "";
    for (const line of lines) this.answer(JSON.parse(line) as FakeCommand);
  }

  private answer(command: FakeCommand): void {
    this.commands.push(command);
    const { id } = command;
    if (command.execute === "qmp_capabilities") return this.send({ return: {}, id });
    const answer = this.options.script === undefined ? {} : this.options.script(command, this);
    if (answer === undefined) return;
    if (answer instanceof Refusal) {
      return this.send({ error: { class: answer.qmpClass, desc: answer.desc }, id });
    }
    this.send(typeof answer === "string" ? answer : { return: answer, id });
  }
}

/** A QEMU with a guest of 128 MiB, and `query-migrate` answered in turn; the last one stays. */
export function fakeQemu(migrations: readonly object[], more: FakeScript = () => ({})): FakeScript {
  let looks = 0;
  return (command, server) => {
    switch (command.execute) {
      case "query-name":
        return { name: "web1" };
      case "query-status":
        return { status: "running", running: true };
      case "query-memory-size-summary":
        return { "base-memory": 134_217_728, "plugged-memory": 0 };
      case "query-cpus-fast":
        return [{ "cpu-index": 0 }];
      case "query-migrate-capabilities":
        return [{ capability: "xbzrle", state: false }];
      case "query-migrate-parameters":
        return { "max-bandwidth": 50_000_000, "downtime-limit": 300 };
      case "query-dirty-rate":
        return { status: "measured", "dirty-rate": 8, "start-time": 1, "calc-time": 1 };
      case "query-migrate":
        return migrations[Math.min(looks++, migrations.length - 1)] ?? {};
      default:
        return more(command, server);
    }
  };
}

export const ACTIVE = {
  status: "active",
  "total-time": 1000,
  "expected-downtime": 300,
  "setup-time": 2,
  ram: {
    ...{ transferred: 40_000_000, remaining: 90_000_000, total: 134_217_728, normal: 9000 },
    ...{ duplicate: 100, "dirty-sync-count": 2, "dirty-pages-rate": 2000, mbps: 400 },
  },
};

export const COMPLETED = {
  ...ACTIVE,
  status: "completed",
  "total-time": 4000,
  downtime: 12,
  ram: { ...ACTIVE.ram, transferred: 140_000_000, remaining: 0, "dirty-sync-count": 5 },
};
