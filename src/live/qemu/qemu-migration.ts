/**
 * Starts a migration at QEMU and, where asked to, sends it to post-copy or cancels it: the only file
 * here that changes anything. Settings are applied before, and a refusal of one leaves the migration
 * unstarted.
 */
import { PrecopyError } from "../../base/errors.js";
import type { QmpClient } from "./qmp-client.js";

export interface MigrationWishes {
  /** Where the destination listens: tcp:HOST:PORT, unix:PATH, ... as QEMU takes it. */
  readonly uri: string;
  /** Parameters of `migrate-set-parameters`. */
  readonly parameters?: Readonly<Record<string, number | string | boolean>>;
  /** Capabilities switched on or off; `events` is switched on so that the pause can be seen. */
  readonly capabilities?: Readonly<Record<string, boolean>>;
}

/** Answers when QEMU has accepted it; ms since 1970 when it was asked. */
export async function startMigration(client: QmpClient, wishes: MigrationWishes): Promise<number> {
  const { uri, parameters = {}, capabilities = {} } = wishes;
  await setCapabilities(client, { ...capabilities, events: true });
  if (Object.keys(parameters).length > 0) {
    await client.execute("migrate-set-parameters", parameters);
  }
  const startedMs = Date.now();
  await client.execute("migrate", { uri });
  return startedMs;
}

export async function setCapabilities(
  client: QmpClient,
  capabilities: Readonly<Record<string, boolean>>,
): Promise<void> {
  const list = Object.entries(capabilities).map(([capability, state]) => ({ capability, state }));
  await client.execute("migrate-set-capabilities", { capabilities: list });
}

export async function startPostCopy(client: QmpClient): Promise<void> {
  await client.execute("migrate-start-postcopy");
}

export async function cancelMigration(client: QmpClient): Promise<void> {
  await client.execute("migrate_cancel");
}

const NAME = /^[a-z][a-z0-9-]*$/;

/** "max-bandwidth=50000000" → what `migrate-set-parameters` takes: numbers, true, false, words. */
export function parseMigrationParameter(text: string): [string, number | string | boolean] {
  const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (!NAME.test(name) || value === "") {
    const next = "write NAME=VALUE, as in max-bandwidth=50000000 (bytes a second, as QMP takes it)";
    throw new PrecopyError("bad-input", `"${text}" sets no parameter: ${next}`);
  }
  if (/^-?\d{1,15}$/.test(value)) return [name, Number(value)];
  return [name, value === "true" ? true : value === "false" ? false : value];
}
