/**
 * What moving real machines needs of Node (`precopy/live/node`): TCP and TLS, the system's
 * cryptography, the installed package v86, the Linux guest of the cache folder, and QEMU's QMP.
 */
export {
  LINUX_PROMPT,
  type LinuxGuest,
  type LinuxGuestSearch,
  linuxGuest,
} from "./live/guests/linux-guest.js";
export { nodeCompressors } from "./live/node-compressors.js";
export { nodeCrypto } from "./live/node-crypto.js";
export {
  type RecordedMigration,
  type RecordOptions,
  recordMigration,
} from "./live/qemu/migration-recorder.js";
export { type DirtyWindow, type QemuFacts, QemuMonitor } from "./live/qemu/qemu-monitor.js";
export {
  QmpClient,
  QmpCommandError,
  type QmpEvent,
  type QmpOptions,
} from "./live/qemu/qmp-client.js";
export { type Address, formatAddress, parseAddress } from "./live/transport/address.js";
export {
  type ConnectTcpOptions,
  connectTcp,
  type ListenTcpOptions,
  listenTcp,
  type TcpListener,
} from "./live/transport/tcp.js";
export { loadV86, type V86Package } from "./live/v86/v86-package.js";
