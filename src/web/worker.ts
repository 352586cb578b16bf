/**
 * The module worker that a guest lives in: takes orders from its page (messages.ts) and carries them
 * out on a {@link GuestHost}. v86 is loaded from where the page says, when the page says so.
 */
import { AssertionError } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import type { V86Class } from "../live/v86/v86-internals.js";
import { GuestHost } from "./guest-host.js";
import type { Answer, Order, OrderMessage, V86Files, WorkerMessage } from "./messages.js";

/** What is used of a dedicated worker's scope; the library's own types are those of pages. */
interface Scope {
  postMessage(message: WorkerMessage): void;
  onmessage: ((event: MessageEvent<OrderMessage>) => void) | null;
}

const scope = globalThis as unknown as Scope;
let host: GuestHost | undefined;

scope.onmessage = ({ data: { id, order } }) => {
  carryOut(order).then(
    (value) => answer({ kind: "done", id, ...(value !== undefined && { value }) }),
    (error: unknown) => answer({ kind: "failed", id, ...told(error) }),
  );
};

async function carryOut(order: Order) {
  if (order.kind === "open") {
    host = await open(order.v86);
    return undefined;
  }
  if (host === undefined) throw new AssertionError("the first order opens");
  switch (order.kind) {
    case "boot":
      return await host.boot(order.options);
    case "join":
      return host.join(order.port);
    case "receive":
      return host.receive(order.options);
    case "migrate":
      return await host.migrate(order.options);
    case "cancel":
      return host.cancel();
    case "type":
      return host.type(order.text);
    case "stop":
      return await host.stop();
  }
}

async function open({ module, wasm }: V86Files): Promise<GuestHost> {
  const response = await fetch(wasm);
  if (!response.ok) throw missing(wasm, `the server answered ${response.status}`);
  const bytes = await response.arrayBuffer();
  const loaded = await import(module).catch((error: unknown) => {
    throw missing(module, error instanceof Error ? error.message : String(error));
  });
  const { V86 } = loaded as { V86?: V86Class };
  if (V86 === undefined) throw missing(module, "it exports no V86");
  return new GuestHost({ V86, wasm: bytes, tell: (news) => scope.postMessage(news) });
}

function missing(url: string, why: string): PrecopyError {
  return new PrecopyError(
    "bad-input",
    `v86 could not be loaded from ${url} (${why}): serve libv86.mjs and v86.wasm of the package v86`,
  );
}

function told(error: unknown): { code: string; reason: string } {
  if (error instanceof PrecopyError) return { code: error.code, reason: error.message };
  return { code: "bug", reason: error instanceof Error ? error.message : String(error) };
}

function answer(message: Answer): void {
  scope.postMessage(message);
}
