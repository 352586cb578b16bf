/** Forecasts of one guest under changed settings: none is made twice, and few where few suffice. */
import { type Forecast, type ForecastInput, forecast } from "../forecast.js";
import { type ForecastSettings, forecastSettings } from "../forecast-settings.js";
import { judge, SHARE, type Verdict, type Wanted } from "./goals.js";
import type { Depth } from "./smallest.js";

/** What may be set otherwise; the rest of the input stays. */
export type Change = Partial<
  Pick<ForecastInput, "strategy" | "downtimeLimitMs" | "linkBytesPerSec" | "timeoutMs">
>;

const FEW = 3;

export class Trials {
  readonly settings: ForecastSettings;
  /** Whole name, with its preset. */
  readonly name: string;
  private readonly made = new Map<string, Forecast>();

  constructor(
    readonly input: ForecastInput,
    readonly wanted: Wanted,
    /** What the tool has no setting for, of what an input asks for. */
    readonly lacks: (input: ForecastInput) => readonly string[] = () => [],
  ) {
    const { strategy } = input;
    this.settings = typeof strategy === "object" ? strategy : forecastSettings(strategy);
    this.name = this.settings.name;
  }

  /** The input with the change, as anybody can forecast it again. */
  changed(change: Change): ForecastInput {
    return { ...this.input, strategy: this.name, ...change };
  }

  forecast(change: Change = {}, depth: Depth = "full"): Forecast {
    const key = JSON.stringify([Object.entries(change).sort(), depth]);
    let found = this.made.get(key);
    if (found === undefined) {
      const { circumstances } = this.input;
      const few = Math.min(FEW, circumstances ?? FEW);
      found = forecast({
        ...this.changed(change),
        ...(depth === "usual" && { circumstances: 0 }),
        ...(depth === "few" && { circumstances: few }),
      });
      this.made.set(key, found);
    }
    return found;
  }

  judge(change: Change = {}, depth: Depth = "full"): Verdict {
    return judge(this.forecast(change, depth), this.wanted);
  }

  /** What is left gets little enough by itself, in nine of ten sets of circumstances. */
  converges(change: Change, depth: Depth = "full"): boolean {
    return this.forecast(change, depth).convergesShare >= SHARE;
  }

  /** Tried with the usual circumstances before all are. */
  meets(change: Change): boolean {
    return this.judge(change, "usual").meets && this.judge(change).meets;
  }
}
