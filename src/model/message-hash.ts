/** What of a message goes into the event log's hash: its kind, instants, counts and page lists. */
import type { RunningHash } from "../base/hash.js";
import type { Command, MigrationEvent } from "../migrate/messages.js";

export function hashMessage(hash: RunningHash, message: Command | MigrationEvent): void {
  hash.addText(message.kind);
  if ("atNs" in message) hash.addNumber(message.atNs);
  if ("id" in message) hash.addNumber(message.id);
  if ("count" in message) hash.addNumber(message.count);
  if ("bytes" in message) hash.addNumber(message.bytes);
  if (message.kind === "fault") hash.addNumber(message.page);
  if (message.kind === "throttle") {
    hash.addNumber(message.brake.cpuShare);
    hash.addNumber(message.brake.stallPerFaultNs);
  }
  if (message.kind === "read-batch") {
    const list = message.pages.view();
    hash.addNumber(list.length);
    hash.addNumber(list[0] ?? 0);
    hash.addNumber(list[list.length - 1] ?? 0);
  }
}
