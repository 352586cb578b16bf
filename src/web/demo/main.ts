/**
 * The demo's page: two workers with a machine each, or in a second tab one; a form to start a guest
 * and to move it; and what can be seen of the move. The page only shows: guests and migrations are
 * in the workers.
 */

import type { RoundReport } from "../../migrate/report.js";
import { GuestWorker } from "../guest-worker.js";
import type { News } from "../messages.js";
import { type ChartPoint, drawChart } from "./chart.js";
import { byId } from "./dom.js";
import { chooseTab, isToTab, readGuest, readMove, type Wishes } from "./form.js";
import { sentenceFor, showNothingYet, showOutcome, showRounds } from "./outcome.js";
import { type Place, Places } from "./places.js";
import { tabPair } from "./tabs.js";
import { Way } from "./way.js";

const form = byId<HTMLFormElement>("form");
const startButton = byId<HTMLButtonElement>("start");
const migrateButton = byId<HTMLButtonElement>("migrate");
const cancelButton = byId<HTMLButtonElement>("cancel");
const tabs = tabPair(location.hash);
const places = new Places(hear);
const way = new Way();

interface Move {
  readonly from: Place;
  readonly wishes: Wishes;
  readonly points: ChartPoint[];
  readonly roundEndsNs: number[];
  pause?: { readonly fromNs: number; readonly toNs: number };
}

let move: Move | undefined;
/** The move that the chart shows. */
let drawn: Move | undefined;
let ready = false;
let busy = false;

void attempt(begin);

async function begin(): Promise<void> {
  showNothingYet(byId("outcome"), tabs.second);
  showRounds(byId("rounds"), []);
  drawChart(byId("chart"), { points: [], roundEndsNs: [], limitBytes: undefined });
  new ResizeObserver(() => drawn !== undefined && draw(drawn)).observe(byId("chart"));
  byId<HTMLAnchorElement>("open-tab").href = tabs.address;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(migrate);
  });
  form.addEventListener("change", update);
  startButton.addEventListener("click", () => void attempt(startOrStop));
  cancelButton.addEventListener("click", () => void attempt(cancel));
  byId("open-tab").addEventListener("click", () => {
    chooseTab(form);
    update();
  });
  const stage = byId("stage");
  const first = await places.add(tabs.second ? "This tab" : "Worker A");
  stage.append(first.pane.root);
  if (tabs.second) {
    becomeSecond();
  } else {
    const other = await places.add("Worker B");
    stage.append(way.root, other.pane.root);
    await GuestWorker.join(first.worker, other.worker);
    await other.worker.receive();
  }
  await first.worker.receive({ channel: tabs.own, secret: tabs.secret });
  ready = true;
  say(tabs.second ? "Waits for a guest from the first tab." : "Ready.");
  update();
}

/** A second tab takes guests in and sends them back. */
function becomeSecond(): void {
  document.body.classList.add("single");
  document.title = "precopy: the other tab";
  byId("lead").textContent =
    "The other tab. Migrate the guest from the first one, and it goes on here; from here it can go back.";
  for (const id of ["guest-fields", "start", "open-tab", "to"]) byId(id).hidden = true;
  chooseTab(form);
}

async function startOrStop(): Promise<void> {
  const { holder } = places;
  if (holder !== undefined) {
    await holder.worker.stop();
    return say("The guest was stopped.");
  }
  const options = readGuest(form);
  places.beginStory();
  await (places.all[0] as Place).worker.boot(options);
  say("The guest runs.");
}

async function migrate(): Promise<void> {
  const from = places.holder;
  if (from === undefined) return;
  const wishes = readMove(form);
  const toTab = isToTab(form);
  const current: Move = { from, wishes, points: [], roundEndsNs: [] };
  move = current;
  way.begin(from !== places.all[0]);
  showRounds(byId("rounds"), []);
  say(toTab ? "Calls the other tab." : "Prepares the other worker.");
  update();
  try {
    // Within the page nobody else can reach a worker; on a channel every tab could.
    const where = toTab ? { channel: tabs.other, secret: tabs.secret } : secretOfTarget(from);
    const result = await from.worker.migrate({ ...wishes, ...where });
    showOutcome(byId("outcome"), result);
    showRounds(byId("rounds"), result.rounds);
    way.end(result.outcome === "target-runs");
    const moved = result.outcome === "target-runs";
    if (moved) {
      const toNs = result.startNs + result.totalNs;
      current.pause = { fromNs: toNs - result.downtimeNs, toNs };
    }
    draw(current);
    if (moved && toTab) places.beginStory();
    say(sentenceFor(result));
  } catch (error) {
    way.end(false);
    say("Not moved; the guest runs on where it was.");
    throw error;
  } finally {
    move = undefined;
  }
}

/** The first worker takes only who knows the tabs' secret. */
function secretOfTarget(from: Place): { secret?: Uint8Array } {
  return from === places.all[0] ? {} : { secret: tabs.secret };
}

async function cancel(): Promise<void> {
  const done = (await move?.from.worker.cancel()) ?? true;
  if (!done) say("Too late to cancel: the guest may have permission to run there already.");
}

function hear(place: Place, news: News): void {
  if (news.kind === "pulse") return update();
  if (news.kind === "refused")
    return showError(`${place.pane.name} turned a guest away: ${news.reason}`);
  if (move === undefined || move.from !== place) return;
  const { progress, rounds } = news;
  const unsentBytes = progress.remainingBytes;
  const { elapsedNs, state } = progress;
  const isSending = state === "iterative-pre-copy" || state === "stop-and-copy";
  if (isSending) move.points.push({ atNs: elapsedNs, unsentBytes });
  if (rounds.length > move.roundEndsNs.length) {
    move.roundEndsNs.push(...roundEnds(move, rounds, elapsedNs));
    showRounds(byId("rounds"), rounds);
  }
  if (state === "iterative-pre-copy") say(`Round ${rounds.length + 1}.`);
  way.show(progress, unsentBytes);
  draw(move);
}

/** Rounds that ended since the last news, by their durations: the last ended just now. */
function roundEnds(of: Move, rounds: readonly RoundReport[], nowNs: number): number[] {
  const fresh = rounds.slice(of.roundEndsNs.length);
  let atNs = of.roundEndsNs.at(-1) ?? nowNs - fresh.reduce((sum, r) => sum + r.durationNs, 0);
  return fresh.map(({ durationNs }) => {
    atNs = Math.min(nowNs, atNs + durationNs);
    return atNs;
  });
}

function draw(of: Move): void {
  drawn = of;
  const { bandwidthBytesPerSec, downtimeLimitNs } = of.wishes;
  const limitBytes =
    bandwidthBytesPerSec === undefined || downtimeLimitNs === undefined
      ? undefined
      : (bandwidthBytesPerSec * downtimeLimitNs) / 1e9;
  const { points, roundEndsNs, pause } = of;
  drawChart(byId("chart"), { points, roundEndsNs, limitBytes, ...(pause && { pause }) });
}

/** What can be done now. */
function update(): void {
  const { holder } = places;
  const idle = ready && !busy && move === undefined;
  startButton.disabled = !idle;
  startButton.textContent = holder === undefined ? "Start the guest" : "Stop the guest";
  migrateButton.disabled = !idle || holder === undefined;
  cancelButton.disabled = move === undefined;
  const target = isToTab(form) ? undefined : places.all.find((place) => place !== holder);
  const where = target === undefined ? "the other tab" : target.pane.name;
  migrateButton.textContent = holder === undefined ? "Migrate" : `Migrate to ${where}`;
}

/** Runs what a button asks for; what goes wrong is shown beside the buttons. */
async function attempt(work: () => Promise<void>): Promise<void> {
  const cancels = work === cancel;
  if (busy && !cancels) return;
  busy ||= !cancels;
  byId("error").hidden = true;
  update();
  try {
    await work();
  } catch (error) {
    showError(error instanceof Error ? error.message : String(error));
  } finally {
    if (!cancels) busy = false;
    update();
  }
}

function showError(message: string): void {
  const place = byId("error");
  place.textContent = message;
  place.hidden = false;
}

/** Said once: screen readers read each change aloud. */
function say(words: string): void {
  const state = byId("state");
  if (state.textContent !== words) state.textContent = words;
}
