/** Threads for tests, whose program is a TypeScript file beside the test. */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { PortLike } from "../../../src/live/transport/port-events.js";

export interface Thread {
  readonly worker: Worker;
  /** What the thread posts to its parent. */
  next(): Promise<unknown>;
  end(): Promise<void>;
}

/** Node's threads read no TypeScript by themselves, and take no loader from the command line. */
const LOAD = `
  const { file } = require("node:worker_threads").workerData;
  const loaded = import("tsx/esm/api").then(({ register }) => (register(), import(file)));
  loaded.catch((error) => setImmediate(() => { throw error; }));
`;

/** @param file of this folder */
export function startThread(
  file: string,
  data: object = {},
  transferList: MessagePort[] = [],
): Thread {
  const url = new URL(file, import.meta.url);
  const worker = new Worker(LOAD, {
    eval: true,
    workerData: { ...data, file: url.href },
    transferList,
  });
  const heard: unknown[] = [];
  const waiting: { resolve(value: unknown): void; reject(error: unknown): void }[] = [];
  worker.on("message", (value) => {
    const first = waiting.shift();
    if (first === undefined) heard.push(value);
    else first.resolve(value);
  });
  let failure: unknown;
  worker.on("error", (error) => {
    failure = error;
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return {
    worker,
    next: () => {
      if (heard.length > 0) return Promise.resolve(heard.shift());
      if (failure !== undefined) return Promise.reject(failure);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    end: async () => {
      await worker.terminate();
    },
  };
}

export interface GuestThread {
  /** To its ShadowAgent. */
  readonly port: PortLike;
  /** Whether the guest is whole there (guest-thread.ts). */
  readonly arrived: Promise<unknown>;
  /** All that the guest printed there. */
  serial(): string;
  /** Stops the guest; what its memory holds. */
  pause(): Promise<Uint8Array>;
  end(): Promise<void>;
}

/** A thread with room for one v86 guest. */
export function startGuestThread(tracking: "auto" | "hash" = "auto"): GuestThread {
  const { port1, port2 } = new MessageChannel();
  const { worker, end } = startThread("./guest-thread.ts", { port: port2, tracking }, [port2]);
  let text = "";
  let arrive: (told: unknown) => void = () => {};
  let remember: (memory: Uint8Array) => void = () => {};
  const arrived = new Promise((resolve) => {
    arrive = resolve;
  });
  worker.on("message", (told: { serial?: number; arrived?: boolean; memory?: Uint8Array }) => {
    if (told.serial !== undefined) text += String.fromCharCode(told.serial);
    else if (told.memory !== undefined) remember(told.memory);
    else arrive(told);
  });
  return {
    port: port1 as unknown as PortLike,
    arrived,
    serial: () => text,
    pause: () =>
      new Promise((resolve) => {
        remember = resolve;
        worker.postMessage("pause");
      }),
    end,
  };
}
