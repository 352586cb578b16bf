/** The QMP client against servers that keep to the protocol, and against all kinds that do not. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  QmpClient,
  QmpCommandError,
  type QmpEvent,
  type QmpOptions,
} from "../../../src/live/qemu/qmp-client.js";
import { MESSAGE_CHARS_MAX, QmpMessages } from "../../../src/live/qemu/qmp-messages.js";
import { FakeQmp, type FakeQmpOptions, GREETING, Refusal } from "../../support/fake-qmp.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function fake(options: FakeQmpOptions = {}): Promise<FakeQmp> {
  const server = await FakeQmp.listen(options);
  ends.push(() => server.close());
  return server;
}

async function connect(where: string, options?: QmpOptions): Promise<QmpClient> {
  const client = await QmpClient.connect(where, options);
  ends.push(() => client.close());
  return client;
}

describe("a QMP session", () => {
  it("greets, leaves negotiation, and answers commands by their ids", async () => {
    const server = await fake({
      script: ({ execute, arguments: args, id }) =>
        execute === "b" ? { got: args, id } : { other: 1 },
    });
    const client = await connect(server.path);
    expect(client.greeting).toEqual({ major: 7, minor: 2, micro: 22, package: "fake" });
    const [a, b] = await Promise.all([client.execute("a"), client.execute("b", { x: [1, "}"] })]);
    expect(a).toEqual({ other: 1 });
    expect(b).toMatchObject({ got: { x: [1, "}"] } });
    expect(server.names).toEqual(["qmp_capabilities", "a", "b"]);
  });

  it("matches answers that come in another order", async () => {
    const ids: unknown[] = [];
    const server = await fake({
      script: ({ id }, self) => {
        ids.push(id);
        if (ids.length < 2) return undefined;
        for (const one of [...ids].reverse()) self.send({ return: one as object, id: one });
        return undefined;
      },
    });
    const client = await connect(server.path);
    const answers = await Promise.all([client.execute("a"), client.execute("b")]);
    expect(answers).toEqual(ids);
  });

  it("connects over TCP as well, by HOST:PORT", async () => {
    const commands: string[] = [];
    const server = createServer((socket) => {
      socket.write(`${JSON.stringify(GREETING)}\n`);
      socket.on("data", (bytes) => {
        const { execute, id } = JSON.parse(bytes.toString()) as { execute: string; id: string };
        commands.push(execute);
        socket.write(`${JSON.stringify({ return: {}, id })}\n`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => server.close());
    const { port } = server.address() as { port: number };
    const client = await connect(`127.0.0.1:${port}`);
    client.close();
    expect(commands).toEqual(["qmp_capabilities"]);
  });

  it("tells events with QEMU's time, to handlers until they are taken away", async () => {
    const server = await fake();
    const client = await connect(server.path);
    const heard: QmpEvent[] = [];
    const release = client.onEvent((event) => heard.push(event));
    server.send({ event: "STOP", timestamp: { seconds: 1700000000, microseconds: 123456 } });
    server.send({ event: "ODD", data: 7, timestamp: { seconds: -1, microseconds: -1 } });
    await client.execute("query-status");
    release();
    server.event("RESUME");
    await client.execute("query-status");
    expect(heard.map(({ name, atMs, data }) => ({ name, atMs, data }))).toEqual([
      { name: "STOP", atMs: 1700000000123.456, data: {} },
      { name: "ODD", atMs: Number.NaN, data: {} },
    ]);
  });

  it("refuses as QEMU does, with its class and words", async () => {
    const server = await fake({
      script: ({ execute }) =>
        execute === "x-new"
          ? new Refusal("CommandNotFound", "The command x-new has not been found")
          : new Refusal("GenericError", "There's a migration process in progress\u001b[2J"),
    });
    const client = await connect(server.path);
    const refused = await client.execute("migrate").catch((error) => error);
    expect(refused).toBeInstanceOf(QmpCommandError);
    expect(refused).toMatchObject({
      ...{ command: "migrate", qmpClass: "GenericError", code: "bad-input" },
      desc: "There's a migration process in progress [2J",
    });
    await expect(client.execute("x-new")).rejects.toMatchObject({ code: "unsupported" });
  });

  it("takes an error without an id for the oldest command", async () => {
    const server = await fake({
      script: () => '{"error": {"class": "GenericError", "desc": "JSON parse error"}}\n',
    });
    const client = await connect(server.path);
    await expect(client.execute("a")).rejects.toMatchObject({ desc: "JSON parse error" });
  });

  it("drops answers that nobody waits for, late ones among them", async () => {
    const server = await fake({
      script: ({ execute }) => (execute === "slow" ? undefined : { fine: true }),
    });
    const client = await connect(server.path);
    await expect(client.execute("slow", {}, 30)).rejects.toThrow(/not answered slow within 30 ms/);
    server.send({ return: "late", id: "precopy-2" });
    server.send({ return: "never asked", id: { odd: 1 } });
    expect(await client.execute("next")).toEqual({ fine: true });
    expect(client.strayAnswers).toBe(2);
  });

  it("lets no more commands wait than QEMU reads", async () => {
    const server = await fake({ script: () => undefined });
    const client = await connect(server.path);
    const waiting = Array.from({ length: 8 }, () => client.execute("a"));
    await expect(client.execute("a")).rejects.toMatchObject({ code: "limit" });
    client.close();
    const all = await Promise.allSettled(waiting);
    expect(all.every(({ status }) => status === "rejected")).toBe(true);
  });

  it("ends by its signal, and what waits is refused", async () => {
    const abort = new AbortController();
    const server = await fake({ script: () => undefined });
    const client = await connect(server.path, { signal: abort.signal });
    const waits = client.execute("a");
    abort.abort();
    await expect(waits).rejects.toThrow("given up");
    await expect(client.execute("b")).rejects.toThrow("given up");
    await expect(QmpClient.connect(server.path, { signal: abort.signal })).rejects.toThrow();
  });
});

describe("what is no QMP", () => {
  const folder = mkdtempSync(join(tmpdir(), "precopy-no-qmp-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ["no such socket", join(folder, "none"), /no such socket.*-qmp/],
    ["a file", fileIn(folder), /no socket|nothing listens/],
    ["a path too long for a socket", `/${"x".repeat(200)}`, /1 to 107 bytes, this one has 201/],
    ["nothing", "", /1 to 107 bytes/],
    ["a port where nobody listens", "127.0.0.1:1", /nothing listens/],
    ["a port past the last", "127.0.0.1:70000", /port 70000/],
  ])("%s", async (_what, where, words) => {
    const error = await QmpClient.connect(where).catch((one) => one);
    expect(error).toMatchObject({ code: "bad-input" });
    expect(error.message).toMatch(words);
  });

  it.each([
    ["an SSH server", "SSH-2.0-OpenSSH_9.2\r\n", /no QMP server.*SSH-2.0/],
    ["the human monitor", "QEMU 7.2.22 monitor - type 'help'\r\n(qemu) ", /human monitor.*-qmp/],
    ["another JSON protocol", '{"hello": 1}\n', /without QEMU's version/],
    ["a list", "[1, 2]\n", /no JSON object/],
    ["broken JSON", '{"QMP": nonsense}\n', /no JSON/],
    ["escapes of a terminal", "\u001b[2J\u001b]0;x\u0007", /it sends " \[2J \]0;x/],
    ["brackets without end", `${"[".repeat(100)}`, /deeper than 64/],
  ])("%s", async (_what, greeting, words) => {
    const server = await fake({ greeting });
    const error = await QmpClient.connect(server.path).catch((one) => one);
    expect(error).toMatchObject({ code: "bad-input" });
    expect(error.message).toMatch(words);
    expect(error.message).not.toMatch(/\p{Cc}/u);
  });

  it("silence: a web server, or a monitor that another client has", async () => {
    const server = await fake({ greeting: "" });
    const connecting = QmpClient.connect(server.path, { connectTimeoutMs: 50 });
    await expect(connecting).rejects.toThrow(/within 50 ms: another client has this monitor/);
  });

  it("an end without a greeting", async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => server.close());
    const { port } = server.address() as { port: number };
    await expect(QmpClient.connect(`127.0.0.1:${port}`)).rejects.toThrow("without a greeting");
  });
});

describe("a server that goes wrong later", () => {
  it.each([
    ["broken JSON", '{"return": {,}}\n', /QMP is not kept to.*no JSON/],
    ["text", "oops\n", /it sends "oops"/],
    ["neither answer nor event", '{"id": "precopy-2"}\n', /neither answer nor event/],
  ])("%s ends the session", async (_what, text, words) => {
    const server = await fake({ script: () => text });
    const client = await connect(server.path);
    const error: unknown = await client.execute("a").catch((one: unknown) => one);
    expect(error).toMatchObject({ code: "protocol", message: expect.stringMatching(words) });
    await expect(client.execute("b")).rejects.toBe(error);
    expect(await client.ended).toBe(error);
  });

  it("an answer that breaks off in the middle", async () => {
    const server = await fake({
      script: (_command, self) => {
        for (const socket of self.sockets) socket.end('{"return": {"status": "act');
        return undefined;
      },
    });
    const client = await connect(server.path);
    await expect(client.execute("query-migrate")).rejects.toMatchObject({
      code: "aborted",
      message: `${server.path}: QEMU has closed the connection before it answered query-migrate`,
    });
  });

  it("a message without end is given up at the limit", async () => {
    const server = await fake({
      script: () => `{"return": "${"x".repeat(MESSAGE_CHARS_MAX + 1)}`,
    });
    const client = await connect(server.path);
    await expect(client.execute("a")).rejects.toThrow(/more than \d+ characters/);
  });

  it("answers that nobody asked for, without end", async () => {
    const server = await fake({
      script: () => `${JSON.stringify({ return: 1, id: "x" })}\n`.repeat(1_100),
    });
    const client = await connect(server.path);
    await expect(client.execute("a")).rejects.toThrow(/answers that nobody asked for/);
  });
});

describe("the stream", () => {
  it("may be cut anywhere, pretty-printed, with brackets and quotes in texts", () => {
    const messages = [
      { return: { text: 'a "quoted" } ] \\ { [', list: [[{ deep: [] }]] }, id: "1" },
      { event: "X", data: { ünïcode: "→" } },
    ];
    const [first, second] = messages;
    const text = `${JSON.stringify(first, null, 4)}\r\n  ${JSON.stringify(second)}`;
    for (const size of [1, 2, 3, 7, 1000]) {
      const cut = new QmpMessages();
      const found: object[] = [];
      for (let at = 0; at < text.length; at += size)
        found.push(...cut.put(text.slice(at, at + size)));
      expect(found).toEqual(messages);
    }
  });

  it("keeps characters of several bytes whole across chunks", async () => {
    const server = await fake({
      script: ({ id }, self) => {
        const bytes = Buffer.from(`${JSON.stringify({ return: "→", id })}\n`, "utf8");
        const middle = bytes.indexOf(0xe2) + 1;
        for (const socket of self.sockets) {
          socket.write(bytes.subarray(0, middle), () => socket.write(bytes.subarray(middle)));
        }
        return undefined;
      },
    });
    const client = await connect(server.path);
    expect(await client.execute("a")).toBe("→");
  });
});

function fileIn(folder: string): string {
  const path = join(folder, "file");
  writeFileSync(path, "");
  return path;
}
