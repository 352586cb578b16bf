/** `precopy forecast`: will it converge, how long, how long a pause, how many bytes, which rule. */
import { Command } from "commander";
import { formatDuration } from "../../base/units.js";
import { type Forecast, forecast } from "../../forecast/forecast.js";
import { FORECAST_SCHEMA_VERSION, forecastJson } from "../../report/forecast-json.js";
import { forecastText } from "../../report/forecast-text.js";
import { parseTime } from "../flags.js";
import {
  addForecastOptions,
  FORECAST_NOTES,
  type ForecastFlags,
  readForecastInput,
} from "../forecast-input.js";
import { EXIT, type Session } from "../session.js";

const NOTES = `${FORECAST_NOTES}
The range goes over circumstances that nobody knows beforehand: how much of its rate the link
carries, how the guest writes in longer windows than were measured, when the migration meets it.

Exit code 3 if a stated limit is missed at the 90 % end of the range.

Examples:
  precopy forecast --memory 8GiB --zero 30% --rate 1s=60MiB/s,10s=25MiB/s --link 10Gbit/s
  virsh domstats --dirtyrate web1 | precopy forecast --from /dev/stdin --memory 8GiB --link 1Gbit/s
  precopy forecast --from examples/traces/redis-paced.wsdt2.gz --clock time --throughput 50MB/s
  precopy forecast examples/busy-database.yaml -s pre-copy+auto-converge+nova
`;

interface Flags extends ForecastFlags {
  readonly json?: boolean;
  readonly maxDowntime?: number;
  readonly maxTotal?: number;
}

export function forecastCommand(session: Session): Command {
  const command = new Command("forecast").description(
    "say before a migration starts how it will go, from dirty rates, a trace or a scenario",
  );
  return addForecastOptions(command)
    .option("--max-downtime <time>", "exit with 3 if the downtime may be longer", parseTime)
    .option("--max-total <time>", "exit with 3 if it may take longer", parseTime)
    .option("--json", "print JSON instead of text")
    .addHelpText("after", NOTES)
    .action((scenario: string | undefined, flags: Flags) => run(session, scenario, flags));
}

async function run(session: Session, scenario: string | undefined, flags: Flags): Promise<void> {
  const inputs = await readForecastInput(session, scenario, flags);
  const all = inputs.map(({ name, input }) => ({ name, input, said: forecast(input) }));
  if (flags.json) {
    const forecasts = all.map(({ name, input, said }) => forecastJson(name, input, said));
    session.printJson({ schemaVersion: FORECAST_SCHEMA_VERSION, forecasts });
  } else {
    const { width, palette } = session;
    const texts = all.map((one) => forecastText(one.name, one.input, one.said, { width, palette }));
    session.print(texts.join("\n"));
  }
  for (const { name, said } of all) {
    for (const sentence of missed(said, flags)) {
      session.note(`${name}: ${sentence}`);
      session.endWith(EXIT.limitMissed);
    }
  }
}

function missed({ downtimeMs, totalMs }: Forecast, flags: Flags): string[] {
  const checks: [string, number, number | undefined][] = [
    ["downtime", downtimeMs.high * 1e6, flags.maxDowntime],
    ["total time", totalMs.high * 1e6, flags.maxTotal],
  ];
  return checks.flatMap(([what, ns, limit]) =>
    limit === undefined || ns <= limit
      ? []
      : `${what} may be ${formatDuration(ns)}, the limit is ${formatDuration(limit)}`,
  );
}
