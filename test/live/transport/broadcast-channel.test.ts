import { describe, expect, it } from "vitest";
import {
  connectBroadcast,
  listenBroadcast,
} from "../../../src/live/transport/broadcast-channel.js";
import { LINK_MARK } from "../../../src/live/transport/link-message.js";
import type { Transport } from "../../../src/live/transport/transport.js";
import { collect, conformance, type Ends, ended, until } from "./conformance.js";

let channels = 0;

conformance({
  name: "broadcast channel",
  heldBytesMax: 2 * 1024 * 1024,
  connect: () => pair(freshName()),
});

describe("a broadcast channel", () => {
  it("connects a caller that calls before anybody listens", async () => {
    const name = freshName();
    const calling = connectBroadcast({ name });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const served: Transport[] = [];
    const listener = listenBroadcast({ name, onTransport: (end) => served.push(end) });
    const a = await calling;
    await until(() => served.length === 1);
    a.destroy();
    listener.close();
  });

  it("pairs a caller with one of several listeners", async () => {
    const name = freshName();
    const served: Transport[] = [];
    const onTransport = (end: Transport) => served.push(end);
    const listeners = [1, 2, 3].map(() => listenBroadcast({ name, onTransport }));
    const a = await connectBroadcast({ name });
    await a.write([Uint8Array.of(9)]);
    await until(() => served[0]?.bytesRead === 1);
    expect(served.length).toBe(1);
    a.destroy();
    for (const listener of listeners) listener.close();
  });

  it("keeps several pairs of one name apart, and a listener's end ends none", async () => {
    const name = freshName();
    const served: Transport[] = [];
    const listener = listenBroadcast({ name, onTransport: (end) => served.push(end) });
    const callers = await Promise.all([1, 2, 3].map(() => connectBroadcast({ name })));
    await until(() => served.length === 3);
    listener.close();
    const got = served.map(collect);
    await Promise.all(callers.map((caller, i) => caller.write([Uint8Array.of(i, i + 10)])));
    await Promise.all(callers.map((caller) => caller.close()));
    const texts = (await Promise.all(got)).map(({ bytes }) => [...bytes].join());
    expect(texts.sort()).toEqual(["0,10", "1,11", "2,12"]);
  });

  it("gives up when nobody answers, and says what to open", async () => {
    const calling = connectBroadcast({ name: freshName(), timeoutMs: 20 });
    await expect(calling).rejects.toMatchObject({ name: "PrecopyError", code: "aborted" });
    await expect(calling).rejects.toThrow("another tab");
  });

  it("leaves strange messages alone and answers a bounded number of calls", async () => {
    const name = freshName();
    const served: Transport[] = [];
    const listener = listenBroadcast({ name, onTransport: (end) => served.push(end) });
    const stranger = new BroadcastChannel(name);
    const answers = new Set<string>();
    stranger.addEventListener("message", ({ data }) => answers.add(data.pair));
    for (const value of [null, 1, "call", {}, { mark: LINK_MARK, kind: "call", caller: 7 }]) {
      stranger.postMessage(value);
    }
    for (let i = 0; i < 40; i++) {
      stranger.postMessage({ mark: LINK_MARK, kind: "call", caller: `c${i}` });
      stranger.postMessage({ mark: LINK_MARK, kind: "call", caller: `c${i}` });
    }
    await until(() => answers.size >= 16);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(answers.size).toBe(16);
    expect(served.length).toBe(0);
    listener.close();
    stranger.close();
  });

  it("notices a tab that is gone without a word", async () => {
    const name = freshName();
    const meeting = new BroadcastChannel(name);
    // A listener that answers, and is closed before it ever says anything on the pair's channel.
    meeting.addEventListener("message", ({ data }) => {
      meeting.postMessage({ mark: LINK_MARK, kind: "answer", caller: data.caller, pair: "p" });
    });
    const a = await connectBroadcast({ name, heartbeatMs: 5, silentBeatsMax: 3 });
    expect((await ended(a))?.message).toContain("nothing was heard");
    meeting.close();
  });
});

async function pair(name: string): Promise<Ends> {
  let taken: (transport: Transport) => void = () => {};
  const served = new Promise<Transport>((resolve) => {
    taken = resolve;
  });
  const listener = listenBroadcast({ name, onTransport: taken });
  const a = await connectBroadcast({ name });
  return { a, b: await served, dispose: () => listener.close() };
}

function freshName(): string {
  channels++;
  return `test ${channels}`;
}
