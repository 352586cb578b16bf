/** What results mean for the exit code, and the sentences that say so. */
import { type Limits, type Migrations, missedLimits } from "../report/limits.js";
import { explainStop } from "../report/stop-reason.js";
import { plural } from "../report/text.js";
import { EXIT, type Session } from "./session.js";

/** Aborted migrations outrank missed limits: a move that did not happen kept no limit. */
export function judge(session: Session, results: readonly Migrations[], limits: Limits): void {
  judgeLimits(session, results, limits);
  const migrations = results.flatMap((result) => result.migrations);
  const aborted = migrations.filter(({ outcome }) => outcome !== "target-runs");
  const first = aborted[0];
  if (first === undefined) return;
  const others =
    aborted.length === 1 ? "" : `; so did ${plural(aborted.length - 1, "other migration")}`;
  session.note(
    `migration of ${first.guest} by ${first.name} ended without a switch: ${explainStop(first.stopReason)}${others}`,
  );
  session.endWith(EXIT.aborted);
}

export function judgeLimits(
  session: Session,
  results: readonly Migrations[],
  limits: Limits,
): void {
  for (const sentence of missedLimits(results, limits)) {
    session.note(`limit missed: ${sentence}`);
    session.endWith(EXIT.limitMissed);
  }
}
