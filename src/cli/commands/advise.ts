/** `precopy advise`: the smallest change that makes a migration work, when to make it, how to drain. */
import { Command, InvalidArgumentError } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { PAGE_SIZE_BYTES, parseRate, parseSize } from "../../base/units.js";
import {
  advise,
  bestMoment,
  drainPlan,
  type Goals,
  TOOL_NAMES,
  type Tool,
  toolNamed,
} from "../../forecast/advise/index.js";
import { pagesOf } from "../../forecast/forecast-guest.js";
import type { ForecastInput } from "../../forecast/index.js";
import {
  dirtyPoints,
  parseRatePoints,
  RATES_CHARS_MAX,
  readDirtyRates,
} from "../../forecast/rates/index.js";
import { adviseJson, drainJson, momentJson } from "../../report/advise-json.js";
import { adviseText } from "../../report/advise-text.js";
import { drainText } from "../../report/drain-text.js";
import { momentText } from "../../report/moment-text.js";
import { loadDrain } from "../../scenario/drain.js";
import { findFile, readTextFile } from "../files.js";
import { asArgument, parseShare, parseTime } from "../flags.js";
import { EXIT, type Session } from "../session.js";

const RATES_LIMIT = {
  bytesMax: RATES_CHARS_MAX,
  whose: "the limit of a file of dirty rates: cut it to the time in question",
};

const NOTES = `
Everything is judged at the 90 % end of a forecast's range. Changes are tried the cheapest first: a
bandwidth limit, a downtime limit, a time-out, auto-converge, XBZRLE, compression, post-copy, a faster
link, then two at once. Without --accept-downtime the limit that is asked for is what is accepted, and
what stopping and resuming take is let pass.

Exit code 3 if nothing that can be set is enough.

Examples:
  precopy advise --memory 8GiB --dirty 1s=180MiB/s,5s=90MiB/s --link 10Gbit/s
  precopy advise --memory 8GiB --dirty 1s=180MiB/s -s pre-copy+kubevirt --accept-downtime 1s --guest ns/web
  precopy advise --memory 8GiB --link 1Gbit/s --series rates.prom
  precopy advise --drain examples/drain.yaml
`;

interface AdviseFlags {
  readonly for?: Tool;
  readonly acceptDowntime?: number;
  readonly within?: number;
  readonly guest?: string;
  readonly series?: string;
  readonly drain?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

export function adviseCommand(session: Session): Command {
  const { addForecastOptions, readForecastInput } = forecastInput();
  const command = new Command("advise").description(
    "say the smallest change that makes a migration work, or when, or in which order",
  );
  addForecastOptions(command);
  return command
    .option("--for <tool>", `lines to paste for ${TOOL_NAMES.join(", ")}`, parseTool)
    .option(
      "--accept-downtime <time>",
      "longest downtime, as in 500ms (default: the limit)",
      parseTime,
    )
    .option("--within <time>", "longest time for all of it, as in 10min", parseTime)
    .option("--guest <name>", "its name in the lines to paste, and in --series")
    .option("--series <file>", "dirty rates over time: when is it best?")
    .option("--drain <file>", "guests that leave a host: how many at a time, in which order?")
    .option("--all", "lines to paste for all changes, not for the advised one alone")
    .option("--json", "print JSON instead of text")
    .addHelpText("after", NOTES)
    .action(async () => {
      const flags = command.opts<AdviseFlags>();
      if (flags.drain !== undefined) return drain(session, flags.drain, flags);
      const input = await readForecastInput(session, command.args, flags);
      if (flags.series !== undefined) return series(session, flags.series, { flags, input });
      run(session, flags, input);
    });
}

type NamedInput = ForecastInput & { readonly name: string };

function run(session: Session, flags: AdviseFlags, { name, ...input }: NamedInput): void {
  const { guest, all = false, json = false } = flags;
  const advice = advise(input, goalsOf(flags), {
    ...(flags.for !== undefined && { tool: flags.for }),
    ...(guest !== undefined && { guest }),
  });
  if (!advice.attainable) session.endWith(EXIT.limitMissed);
  if (json) return session.printJson(adviseJson(advice));
  const { width, palette } = session;
  session.print(adviseText(advice, { width, palette, name, all }));
}

async function series(
  session: Session,
  path: string,
  { flags, input: { name, ...input } }: { flags: AdviseFlags; input: NamedInput },
): Promise<void> {
  const text = await readTextFile(path, RATES_LIMIT);
  const { guest, json = false } = flags;
  const { readings } = readDirtyRates(text, { file: path, ...(guest !== undefined && { guest }) });
  const pages = pagesOf(input.guest);
  const found = bestMoment(
    readings,
    (some) => ({ ...input, guest: { kind: "rates", pages, dirtied: dirtyPoints(some).points } }),
    goalsOf(flags),
  );
  if (!found.best.meets) session.endWith(EXIT.limitMissed);
  if (json) return session.printJson(momentJson(found));
  session.print(momentText(found, { width: session.width, palette: session.palette, name }));
}

async function drain(session: Session, path: string, flags: AdviseFlags): Promise<void> {
  const file = findFile(path);
  const { guests, linkBytesPerSec, atOnceMax } = loadDrain(await readTextFile(file), path);
  const plan = drainPlan(guests, linkBytesPerSec, { atOnceMax, goals: goalsOf(flags) });
  if ((plan.recommended?.failing.length ?? 0) > 0) session.endWith(EXIT.limitMissed);
  if (flags.json === true) return session.printJson(drainJson(plan));
  session.print(drainText(plan, { width: session.width, palette: session.palette, name: path }));
}

function goalsOf({ acceptDowntime, within }: AdviseFlags): Goals {
  return {
    ...(acceptDowntime !== undefined && { downtimeMs: acceptDowntime / 1e6 }),
    ...(within !== undefined && { totalMs: within / 1e6 }),
  };
}

function parseTool(text: string): Tool {
  try {
    return toolNamed(text);
  } catch (error) {
    if (error instanceof PrecopyError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** Stands in for the options that `forecast` and `advise` share (../forecast-input.ts). */
function forecastInput() {
  interface Flags {
    readonly memory?: number;
    readonly zero?: number;
    readonly dirty?: string;
    readonly link?: number;
    readonly strategy?: string;
    readonly downtimeLimit?: number;
  }
  const quantity = (parse: (text: string) => number) => (text: string) =>
    asArgument(() => parse(text));
  return {
    addForecastOptions: (command: Command): Command =>
      command
        .option("--memory <size>", "of the guest, as in 8GiB", quantity(parseSize))
        .option("--zero <share>", "of its pages hold zeros, as in 30%", parseShare)
        .option("--dirty <points>", "windows and rates, as in 1s=120MiB/s,5s=20000pages")
        .option("--link <rate>", "what the link carries, as in 10Gbit/s", quantity(parseRate))
        .option("-s, --strategy <name>", "how it moves: strategy+technique@preset")
        .option("--downtime-limit <time>", "the limit asked for (default 300ms)", parseTime),
    readForecastInput: async (
      _session: Session,
      _positional: readonly string[],
      flags: Flags & AdviseFlags,
    ): Promise<NamedInput> => {
      const { memory, zero, dirty, link = 125e6, strategy, downtimeLimit } = flags;
      const isSeries = flags.series !== undefined;
      if (memory === undefined || (dirty === undefined && !isSeries)) {
        throw new PrecopyError(
          "bad-input",
          "give --memory and --dirty: a guest and what it writes",
        );
      }
      const pages = Math.ceil(memory / PAGE_SIZE_BYTES);
      const dirtied = dirty === undefined ? [{ windowSec: 1, pages: 0 }] : parseRatePoints(dirty);
      return {
        name: flags.guest ?? "guest",
        guest: { kind: "rates", pages, dirtied },
        linkBytesPerSec: link,
        ...(zero !== undefined && { content: { zeroShare: zero } }),
        ...(strategy !== undefined && { strategy }),
        ...(downtimeLimit !== undefined && { downtimeLimitMs: downtimeLimit / 1e6 }),
      };
    },
  };
}
