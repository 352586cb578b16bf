/** `precopy migrate`: boots a real guest here and moves it to a `precopy serve`, while it runs. */
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { Command, Option } from "commander";
import { formatBytes, formatDuration, formatRate } from "../../base/units.js";
import type { LiveResult } from "../../live/live-result.js";
import { type Address, formatAddress } from "../../live/transport/address.js";
import { DEFAULT_DOWNTIME_LIMIT_NS } from "../../policy/hold-back.js";
import { migrationsCsv, roundsCsv } from "../../report/csv.js";
import { liveSummaryText } from "../../report/live-summary.js";
import type { Way } from "../../report/migration-text.js";
import { explainStop } from "../../report/stop-reason.js";
import { toTraceEvents } from "../../report/trace-event.js";
import { writeTextFile } from "../files.js";
import {
  addLimitOptions,
  collect,
  type LimitFlags,
  limitsOf,
  parseSeed,
  parseTime,
  shellCommand,
} from "../flags.js";
import { type Moved, type MoveWishes, moveGuest } from "../live/guest-move.js";
import { type GuestPlan, planGuest } from "../live/guest-plan.js";
import {
  addSecretOption,
  parseAddressFlag,
  parseRateFlag,
  parseSizeFlag,
  readBytes,
  readSecret,
  type SecretFlags,
} from "../live/link-flags.js";
import { reportsText } from "../live/reports-text.js";
import { printable, SerialText } from "../live/serial-text.js";
import { registryWith } from "../scenario-file.js";
import { EXIT, Interrupted, type Session } from "../session.js";
import { judgeLimits } from "../verdict.js";

/** Version of the form of `migrate --json`. */
export const LIVE_SCHEMA_VERSION = 1;

interface MigrateFlags extends LimitFlags, SecretFlags {
  readonly to: Address;
  readonly guest: string;
  readonly memory?: number;
  readonly workload?: string;
  readonly strategy: string;
  readonly seed: number;
  readonly bandwidth?: number;
  readonly downtimeLimit: number;
  readonly timeout?: number;
  readonly warm: number;
  readonly verify?: boolean;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly saveState?: string;
  readonly serial?: boolean;
  readonly plugin?: readonly string[];
  readonly json?: boolean;
  readonly csv?: string;
  readonly traceEvents?: string;
}

const EXAMPLES = `
Examples, with precopy serve --listen :4444 in another terminal:
  precopy migrate --to :4444 --guest tiny
  precopy migrate --to :4444 --guest tiny --workload "pattern=zipf pages=2000 rate=3000" --verify
  precopy migrate --to :4444 --guest linux --workload sort -s pre-copy+wsclock+zero --bandwidth 200Mbit/s
  precopy migrate --to :4444 --guest saved.guest      what --save-state has written goes on

Where the guest cannot move it goes on here until this command ends, with 4.
`;

const STRATEGY = "pre-copy+zero";
const WARM = new Option("--warm <time>", "let the guest run here first")
  .argParser(parseTime)
  .default(2e9, "2s");
const DOWNTIME_LIMIT = new Option("--downtime-limit <time>", "what the pause may take")
  .argParser(parseTime)
  .default(DEFAULT_DOWNTIME_LIMIT_NS, formatDuration(DEFAULT_DOWNTIME_LIMIT_NS));

export function migrateCommand(session: Session): Command {
  const command = new Command("migrate")
    .description("boot a real x86 guest here and move it to a precopy serve while it runs")
    .requiredOption("--to <host:port>", "where precopy serve listens", parseAddressFlag)
    .requiredOption("--guest <which>", "tiny, linux, or a file that --save-state has written")
    .option("--memory <size>", "of the tiny guest, as in 128MiB; default 64MiB", parseSizeFlag)
    .option("--workload <words>", "what the guest does: see docs/CLI.md")
    .option("-s, --strategy <name>", "see precopy techniques", STRATEGY)
    .option("--bandwidth <rate>", "at most so much of the link, as in 200Mbit/s", parseRateFlag)
    .addOption(DOWNTIME_LIMIT)
    .option("--timeout <time>", "give up after so long; default 5min", parseTime)
    .addOption(WARM)
    .option("--verify", "compare a digest of all memory before the target may run it")
    .option("--seed <n>", "of what the strategy draws", parseSeed, 1)
    .option("--tls", "the target has a certificate")
    .option("--tls-ca <file>", "accept certificates of this authority (PEM); implies --tls")
    .option("--save-state <file>", "where the guest cannot move, keep it in a file")
    .option("--serial", "show what the guest writes on its serial port, on stderr")
    .option("--plugin <file>", "module with more techniques (repeatable)", collect)
    .option("--json", "print JSON instead of text")
    .option("--csv <folder>", "write migrations.csv and rounds.csv there as well")
    .option("--trace-events <file>", "write the run as trace events, for Perfetto, as well");
  addSecretOption(command);
  return addLimitOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((flags: MigrateFlags) => migrate(session, flags));
}

async function migrate(session: Session, flags: MigrateFlags): Promise<void> {
  const repeat = shellCommand(["precopy", ...session.words]);
  session.repeat = repeat;
  const wishes = await wishesOf(flags, session);
  const plan = await planGuest(flags, session.io.env);
  const said = new SerialText((text) => session.say(printable(text)));
  const moved = await moveGuest(session, plan, wishes, {
    ...(flags.serial === true && { serial: (character) => said.put(character) }),
  });
  said.flush();
  const { result } = moved;
  const way = wayOf(flags);
  if (flags.json) {
    session.printJson({
      schemaVersion: LIVE_SCHEMA_VERSION,
      ...{ seed: flags.seed, source: way.source, target: way.target },
      migrations: [result],
    });
  } else {
    const { palette, width } = session;
    const guestSays = guestText(plan, moved.serial);
    const limits = limitsOf(flags);
    session.print(liveSummaryText(result, { way, repeat, limits, palette, width, guestSays }));
  }
  await writeFiles(result, flags);
  conclude(session, moved, flags);
}

async function wishesOf(flags: MigrateFlags, { io }: Session): Promise<MoveWishes> {
  const { to, strategy, seed, warm, verify = false, downtimeLimit } = flags;
  const { bandwidth, timeout, saveState } = flags;
  const registry = await registryWith(flags.plugin ?? []);
  // Told before a guest has been booted for nothing.
  registry.resolve(strategy);
  const secret = await readSecret(flags, io.env);
  const tls = await tlsOf(flags);
  return {
    ...{ to, strategy, registry, seed, verify, warmNs: warm, downtimeLimitNs: downtimeLimit },
    ...(bandwidth !== undefined && { bandwidthBytesPerSec: bandwidth }),
    ...(timeout !== undefined && { timeoutNs: timeout }),
    ...(saveState !== undefined && { saveState }),
    ...(secret !== undefined && { secret }),
    ...(tls !== undefined && { tls }),
  };
}

async function tlsOf({ tls, tlsCa }: MigrateFlags): Promise<ConnectionOptions | undefined> {
  if (tlsCa !== undefined) return { ca: Buffer.from(await readBytes(tlsCa)) };
  return tls === true ? {} : undefined;
}

function wayOf({ to, bandwidth, seed, downtimeLimit }: MigrateFlags): Way {
  const link = bandwidth === undefined ? "" : formatRate(bandwidth);
  return { source: "here", target: formatAddress(to), link, seed, downtimeLimitNs: downtimeLimit };
}

/** What the guest said of itself until it left. */
function guestText({ judge }: GuestPlan, serial: string): string {
  return judge === undefined ? "" : reportsText(judge(serial));
}

async function writeFiles(
  result: LiveResult,
  { seed, csv, traceEvents }: MigrateFlags,
): Promise<void> {
  const seeded = { seed, migrations: [result] };
  if (csv !== undefined) {
    await writeTextFile(join(csv, "migrations.csv"), migrationsCsv([seeded]));
    await writeTextFile(join(csv, "rounds.csv"), roundsCsv([seeded]));
  }
  if (traceEvents !== undefined) {
    await writeTextFile(traceEvents, `${JSON.stringify(toTraceEvents(seeded))}\n`);
  }
}

/** What became of the guest, in a sentence, and the exit code. */
function conclude(session: Session, moved: Moved, flags: MigrateFlags): void {
  const { result, interrupted, savedBytes } = moved;
  const { guest, outcome, stopReason } = result;
  judgeLimits(session, [{ migrations: [result] }], limitsOf(flags));
  if (outcome === "target-runs") return;
  const why = explainStop(stopReason);
  const target = formatAddress(flags.to);
  const file = flags.saveState ?? "";
  const kept =
    savedBytes === undefined ? "" : `; it is kept in ${file} (${formatBytes(savedBytes)})`;
  if (outcome === "source-runs") {
    const stayed = `${guest} ran on here, and ended with this command${kept}`;
    if (interrupted) throw new Interrupted(`interrupted; the migration was cancelled: ${stayed}`);
    session.note(`${guest} did not move: ${why}; ${stayed}`);
  } else if (outcome === "in-doubt") {
    session.note(
      `in doubt: ${target} has permission to run ${guest} and has not answered (${why}); look ` +
        `there: it runs there or nowhere, and was not run here again${kept}` +
        (kept === "" ? "" : ", to be used only if it does not run there"),
    );
  } else {
    session.note(`${guest} is lost: ${why}; it ran at ${target} without all of its pages`);
  }
  session.endWith(EXIT.aborted);
}
