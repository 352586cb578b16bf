import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { type ConnectTcpOptions, connectTcp, listenTcp } from "../../../src/live/transport/tcp.js";
import type { Transport } from "../../../src/live/transport/transport.js";
import { collect, conformance, type Ends, ended, fill, until } from "./conformance.js";

const HOST = "127.0.0.1";
const MIB = 1024 * 1024;
/** Ours, and the system's buffers at both ends: tcp_wmem and tcp_rmem allow 4 and 6 MiB. */
const HELD_BYTES_MAX = 20 * MIB;
/** Self-signed for localhost, with its key. */
const PEM = readFileSync(new URL("../../fixtures/tls-localhost.pem", import.meta.url));

conformance({ name: "tcp", heldBytesMax: HELD_BYTES_MAX, connect: () => pair({}) });
conformance({
  name: "tls",
  heldBytesMax: HELD_BYTES_MAX,
  connect: () => pair({ tls: { ca: PEM, servername: "localhost" } }, { cert: PEM, key: PEM }),
});
conformance({
  name: "tcp over a socket handed in",
  heldBytesMax: HELD_BYTES_MAX,
  connect: async () => {
    let socket: Socket | undefined;
    const before: number[] = [];
    const ends = await pair((port) => {
      socket = connect({ host: HOST, port });
      before.push(listenerCount(socket));
      return { socket };
    });
    const listeners = () => listenerCount(socket as Socket) - (before[0] as number);
    return { ...ends, listeners };
  },
});

describe("connectTcp", () => {
  it("says where nothing listens and what to do", async () => {
    const listener = await listenTcp({ host: HOST, port: 0, onTransport: () => {} });
    await listener.close();
    const { port } = listener.address;
    const failure = connectTcp({ host: HOST, port });
    await expect(failure).rejects.toMatchObject({ name: "PrecopyError", code: "aborted" });
    await expect(failure).rejects.toThrow(`${HOST}:${port}`);
    await expect(failure).rejects.toThrow("start the target");
  });

  it("gives up on a peer that never finishes the handshake", async () => {
    await withSilentServer(async (port) => {
      const options = { host: HOST, port, tls: { ca: PEM }, timeoutMs: 50 };
      await expect(connectTcp(options)).rejects.toThrow("no answer in 50 ms");
    });
  });

  it("refuses port 0, and a socket that is closed", async () => {
    await expect(connectTcp({ host: HOST, port: 0 })).rejects.toMatchObject({ code: "bad-input" });
    await withSilentServer(async (port) => {
      const socket = connect({ host: HOST, port });
      socket.destroy();
      await new Promise((resolve) => socket.once("close", resolve));
      await expect(connectTcp({ host: HOST, port, socket })).rejects.toThrow("closed already");
    });
  });

  it("does not accept a stranger's certificate, and both ends hear of it", async () => {
    const refused: string[] = [];
    const listener = await listenTcp({
      host: HOST,
      port: 0,
      tls: { cert: PEM, key: PEM },
      onTransport: () => {},
      onRefused: (error) => refused.push(error.message),
    });
    const to = { host: HOST, port: listener.address.port };
    await expect(connectTcp({ ...to, tls: {} })).rejects.toThrow("give its CA certificate");
    const wrongName = connectTcp({ ...to, tls: { ca: PEM, servername: "elsewhere" } });
    await expect(wrongName).rejects.toThrow("correct the name");
    const plain = await connectTcp(to);
    await plain.write([new TextEncoder().encode("no TLS at all")]);
    await ended(plain);
    await until(() => refused.length > 0);
    await listener.close();
  });

  it("takes a ready TLS socket", async () => {
    const tls = { cert: PEM, key: PEM };
    const { a, b, dispose } = await pair(
      (port) => ({ socket: connectTls({ host: HOST, port, ca: PEM, servername: "localhost" }) }),
      tls,
    );
    expect(a.description).toContain("TLS connection to");
    const got = collect(b);
    await a.write([new Uint8Array(100_000)]);
    await a.close();
    expect((await got).bytes.length).toBe(100_000);
    await dispose?.();
  });
});

describe("a TCP transport", () => {
  it("tells a reset from an end", async () => {
    const { a, b, dispose } = await pair({});
    const end = ended(a);
    b.destroy();
    expect((await end)?.message).toContain("the peer broke it off");
    await dispose?.();
  });

  it("breaks off when a peer takes nothing for too long", async () => {
    await withSilentServer(async (port) => {
      const transport = await connectTcp({ host: HOST, port, stallTimeoutMs: 100 });
      const end = ended(transport);
      await expect(fill(transport)).rejects.toThrow("takes nothing");
      expect(await end).toMatchObject({ code: "aborted" });
    });
  });

  it("stays up while it is idle", async () => {
    await withSilentServer(async (port) => {
      const transport = await connectTcp({ host: HOST, port, stallTimeoutMs: 20 });
      await new Promise((resolve) => setTimeout(resolve, 80));
      await transport.write([Uint8Array.of(1)]);
      expect(transport.bytesWritten).toBe(1);
      transport.destroy();
    });
  });
});

describe("listenTcp", () => {
  it("says that a port is taken", async () => {
    const first = await listenTcp({ host: HOST, port: 0, onTransport: () => {} });
    const second = listenTcp({ ...first.address, onTransport: () => {} });
    await expect(second).rejects.toMatchObject({ code: "bad-input" });
    await expect(second).rejects.toThrow("another process has the port");
    await first.close();
  });

  it("drops callers past the limit and keeps the others", async () => {
    const served: Transport[] = [];
    const listener = await listenTcp({
      host: HOST,
      port: 0,
      connectionsMax: 1,
      onTransport: (transport) => served.push(transport),
    });
    const to = { host: HOST, port: listener.address.port };
    const first = await connectTcp(to);
    await until(() => served.length === 1);
    const second = await connectTcp(to);
    await ended(second);
    await first.write([Uint8Array.of(1)]);
    await until(() => served[0]?.bytesRead === 1);
    expect(served.length).toBe(1);
    first.destroy();
    await listener.close();
  });
});

type Caller = Partial<ConnectTcpOptions> | ((port: number) => Partial<ConnectTcpOptions>);

async function pair(caller: Caller, tls?: { cert: Buffer; key: Buffer }): Promise<Ends> {
  let taken: (transport: Transport) => void = () => {};
  const served = new Promise<Transport>((resolve) => {
    taken = resolve;
  });
  const options = tls === undefined ? {} : { tls };
  const listener = await listenTcp({ host: HOST, port: 0, onTransport: taken, ...options });
  const { port } = listener.address;
  const own = typeof caller === "function" ? caller(port) : caller;
  const a = await connectTcp({ host: HOST, port, ...own });
  return { a, b: await served, dispose: () => listener.close() };
}

/** A server that accepts and then neither reads nor writes. */
async function withSilentServer(run: (port: number) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  try {
    await run((server.address() as { port: number }).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function listenerCount(socket: Socket): number {
  const names = ["data", "error", "timeout", "close", "drain", "end", "connect"];
  return names.reduce((sum, name) => sum + socket.listenerCount(name), 0);
}
