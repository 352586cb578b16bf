/**
 * Cloud Hypervisor: `ch-remote send-migration` takes destination_url, downtime_ms, timeout_s and
 * timeout_strategy (Cancel, Ignore) in one argument (verified in its integration tests, 2026).
 */
import type { Commands } from "./command.js";
import { shellLine } from "./command.js";

export const cloudHypervisor: Commands = ({ downtimeLimitMs, timeoutSec, timeoutStrategy }) => {
  const parts = [
    "destination_url=tcp:TARGET:4444",
    ...(downtimeLimitMs === undefined ? [] : [`downtime_ms=${downtimeLimitMs}`]),
    ...(timeoutSec === undefined ? [] : [`timeout_s=${timeoutSec}`]),
    ...(timeoutStrategy === "ignore" ? ["timeout_strategy=Ignore"] : []),
  ];
  const words = ["ch-remote", "--api-socket=/run/ch.sock", "send-migration", parts.join(",")];
  return [{ title: "on the source", lines: [shellLine(words)] }];
};
