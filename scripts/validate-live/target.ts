/**
 * The receiving process of scripts/validate-live.ts: takes one guest after the other on a port of
 * its own, lets each run until the next one comes, and tells its parent the port.
 */

import { LiveServer } from "../../src/live/live-server.js";
import { nodeCrypto } from "../../src/live/node-crypto.js";
import { listenTcp } from "../../src/live/transport/tcp.js";
import { V86Guest } from "../../src/live/v86/index.js";
import { linuxFirmware, v86 } from "./guests.js";

let last: V86Guest | undefined;
const firmware = await linuxFirmware();
const server = new LiveServer({
  crypto: nodeCrypto,
  async createMachine({ pages, devices }) {
    await last?.destroy();
    const has = devices.includes("no firmware") || firmware === undefined ? {} : { firmware };
    last = await V86Guest.create({ ...v86, ...has, memoryBytes: pages * 4096 });
    return last;
  },
  refused: (error) => process.stderr.write(`target: ${error.message}\n`),
});
const listener = await listenTcp({
  host: "127.0.0.1",
  port: 0,
  onTransport: (transport) => void server.accept(transport),
});
process.send?.(listener.address.port);
process.on("disconnect", () => process.exit(0));
