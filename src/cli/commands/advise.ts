/** `precopy advise`: the smallest change that makes a migration work, when to make it, how to drain. */
import { Command, InvalidArgumentError } from "commander";
import { PrecopyError } from "../../base/errors.js";
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
import { dirtyPoints } from "../../forecast/rates/index.js";
import { adviseJson, drainJson, momentJson } from "../../report/advise-json.js";
import { adviseText } from "../../report/advise-text.js";
import { drainText } from "../../report/drain-text.js";
import { momentText } from "../../report/moment-text.js";
import { loadDrain } from "../../scenario/drain.js";
import { findFile, readTextFile } from "../files.js";
import { parseTime } from "../flags.js";
import { readGuestFile } from "../forecast-files.js";
import {
  addForecastOptions,
  FORECAST_NOTES,
  type ForecastFlags,
  readForecastInput,
} from "../forecast-input.js";
import { EXIT, type Session } from "../session.js";

const NOTES = `${FORECAST_NOTES}
Everything is judged at the 90 % end of a forecast's range. Changes are tried the cheapest first: a
bandwidth limit, a downtime limit, a time-out, auto-converge, XBZRLE, compression, post-copy, a faster
link, then two at once. Without --accept-downtime the limit that is asked for is what is accepted, and
what stopping and resuming take is let pass.

Exit code 3 if nothing that can be set is enough.

Examples:
  precopy advise --memory 8GiB --rate 1s=180MiB/s,5s=90MiB/s --link 10Gbit/s
  precopy advise --memory 8GiB --rate 1s=180MiB/s --link 1Gbit/s -s pre-copy+kubevirt --guest ns/web
  precopy advise --memory 8GiB --link 1Gbit/s --series rates.prom
  precopy advise --drain examples/drain/four-guests.yaml
`;

interface AdviseFlags extends ForecastFlags {
  readonly for?: Tool;
  readonly acceptDowntime?: number;
  readonly within?: number;
  readonly series?: string;
  readonly drain?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

export function adviseCommand(session: Session): Command {
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
    .option("--series <file>", "dirty rates over time: when is it best?")
    .option("--drain <file>", "guests that leave a host: how many at a time, in which order?")
    .option("--all", "lines to paste for all changes, not for the advised one alone")
    .option("--json", "print JSON instead of text")
    .addHelpText("after", NOTES)
    .action((scenario: string | undefined, flags: AdviseFlags) => run(session, scenario, flags));
}

async function run(
  session: Session,
  scenario: string | undefined,
  flags: AdviseFlags,
): Promise<void> {
  if (flags.drain !== undefined) return drain(session, flags.drain, flags);
  if (flags.series !== undefined) return series(session, flags.series, flags);
  const inputs = await readForecastInput(session, scenario, flags);
  const all = inputs.map(({ name, input }) => {
    // A guest that no file or flag names has none.
    const isNamed = flags.guest !== undefined || flags.from !== undefined || scenario !== undefined;
    const advice = advise(input, goalsOf(flags), {
      ...(flags.for !== undefined && { tool: flags.for }),
      ...(isNamed && !name.includes(".") && { guest: name }),
      ...(flags.guest !== undefined && { guest: flags.guest }),
    });
    return { name: flags.guest ?? name, advice };
  });
  if (all.some(({ advice }) => !advice.attainable)) session.endWith(EXIT.limitMissed);
  if (flags.json === true) return session.printJson(adviseJson(all));
  const { width, palette } = session;
  const texts = all.map(({ name, advice }) =>
    adviseText(advice, { width, palette, name, all: flags.all === true }),
  );
  session.print(texts.join("\n"));
}

async function series(session: Session, path: string, flags: AdviseFlags): Promise<void> {
  const asked = { ...flags, from: path };
  const [first] = await readForecastInput(session, undefined, asked);
  const read = await readGuestFile(path, asked);
  if (first === undefined || "trace" in read) {
    throw new PrecopyError("bad-input", "a series is of dirty rates with their times", {
      file: path,
    });
  }
  const { name, input } = first;
  const pages = pagesOf(input.guest);
  const found = bestMoment(
    read.readings,
    (some) => ({ ...input, guest: { kind: "rates", pages, dirtied: dirtyPoints(some).points } }),
    goalsOf(flags),
  );
  if (!found.best.meets) session.endWith(EXIT.limitMissed);
  if (flags.json === true) return session.printJson(momentJson(found));
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
