/** What the ports promise of pages: each is read and written as itself, and no other is touched. */
import type { Region } from "../messages.js";
import { must, mustRefuse, named, type Trial } from "./trial.js";

/** Pages that are looked at one by one. */
const SINGLES = 24;
/** No machine of a test has a disk with this number. */
const NO_REGION: Region = "disk:97";

export async function readsAnyOrder<C>(trial: Trial<C>): Promise<void> {
  const { source, pair } = trial;
  trial.source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  const whole = trial.snapshot(source);
  const some = spread(trial).reverse();
  const wrong = some.filter((page) => !trial.isAsIn(source, page, whole));
  must(wrong.length === 0, `read alone and in a batch with different contents: ${named(wrong)}`);
  const contents = pair.contents(some.length);
  trial.read(source, some, contents);
  const one = trial.room(1);
  const misplaced = some.filter((page, i) => {
    trial.read(source, [page], one);
    return !pair.equal(one, 0, contents, i);
  });
  must(misplaced.length === 0, `at the wrong place of a descending list: ${named(misplaced)}`);
}

/** The target shows at each page what was written there, and leaves the pages beside it alone. */
export async function writesLand<C>(trial: Trial<C>): Promise<void> {
  const { source, target, pair, pages } = trial;
  const { from, unlike } = await twoUnlike(trial);
  await trial.prepare();
  const whole = trial.snapshot(source);
  const two = pair.contents(2);
  const last = pages - 1;
  const middle = Math.floor(pages / 2);
  for (const [first, second] of [
    [from, unlike],
    [unlike, from],
  ] as const) {
    trial.read(source, [first, second], two);
    for (const list of [
      [0, last],
      [last, middle],
    ]) {
      trial.list.set(list);
      target.writePages("ram", trial.list, two);
      const [a, b] = list as [number, number];
      const landed =
        trial.isAsIn(target, a, whole, first) && trial.isAsIn(target, b, whole, second);
      must(landed, `what was written to the target's pages ${a}, ${b} is not what they hold`);
    }
    // 0 was written first, and not again with the second list.
    must(trial.isAsIn(target, 0, whole, first), "writing other pages changed page 0");
  }
}

export async function writesNoOther<C>(trial: Trial<C>): Promise<void> {
  const { source, target, pages } = trial;
  const { from } = await twoUnlike(trial);
  await trial.prepare();
  const before = trial.snapshot(target);
  const at = Math.floor(pages / 2);
  const one = trial.room(1);
  trial.read(source, [from], one);
  trial.list.set([at]);
  target.writePages("ram", trial.list, one);
  const changed = trial.differing(before, trial.snapshot(target));
  const others = changed.filter((page) => page !== at);
  must(others.length === 0, `page ${at} was written, and changed: ${named(others)}`);
}

export async function refusesBeyondEnd<C>(trial: Trial<C>): Promise<void> {
  const { source, target, list, mask, pages } = trial;
  await trial.prepare();
  source.enableLogDirty();
  await trial.pause();
  const whole = trial.snapshot(source);
  for (const beyond of [pages, 2 ** 31, 2 ** 32 - 1]) {
    const two = trial.pair.contents(2);
    trial.read(source, [0, 0], two);
    const wrong = [0, beyond];
    list.set(wrong);
    await mustRefuse(`reading page ${beyond} of ${pages}`, () =>
      source.readPages("ram", list, two),
    );
    await mustRefuse(`a peek at page ${beyond} of ${pages}`, () => source.peek("ram", list, mask));
    await mustRefuse(`reading the target's page ${beyond} of ${pages}`, () =>
      target.readPages("ram", list, two),
    );
    list.set(wrong);
    await mustRefuse(`writing page ${beyond} of ${pages}`, () =>
      target.writePages("ram", list, two),
    );
  }
  const changed = trial.differing(whole, trial.snapshot(source));
  must(changed.length === 0, `calls that were refused changed ${named(changed)}`);
}

export async function takesEmptyLists<C>(trial: Trial<C>): Promise<void> {
  const { source, target, list, mask } = trial;
  await trial.prepare();
  source.enableLogDirty();
  const nothing = trial.pair.contents(0);
  list.set([]);
  mask.set([7]);
  source.readPages("ram", list, nothing);
  source.peek("ram", list, mask);
  must(mask.length === 0, `a peek at no page tells of ${mask.length}`);
  target.writePages("ram", list, nothing);
  target.readPages("ram", list, nothing);
}

export async function refusesOtherRegions<C>(trial: Trial<C>): Promise<void> {
  const { source, target, list, mask, into } = trial;
  await trial.prepare();
  source.enableLogDirty();
  const one = trial.room(1);
  list.set([0]);
  const calls: readonly (readonly [string, () => unknown])[] = [
    ["a harvest", () => source.harvest(NO_REGION, into)],
    ["a peek", () => source.peek(NO_REGION, list, mask)],
    ["reading pages", () => source.readPages(NO_REGION, list, one)],
    ["reading the target's pages", () => target.readPages(NO_REGION, list, one)],
    ["writing pages", () => target.writePages(NO_REGION, list, one)],
  ];
  for (const [what, call] of calls) await mustRefuse(`${what} of ${NO_REGION}`, call);
}

/** Two pages of the paused source that hold different things. */
async function twoUnlike<C>(trial: Trial<C>): Promise<{ from: number; unlike: number }> {
  const { source, pages } = trial;
  const { equal } = trial.pair;
  source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  const from = trial.peek()[0] as number;
  const one = trial.pair.contents(1);
  trial.read(source, [from], one);
  const other = trial.room(1);
  for (let page = 0; page < pages; page++) {
    trial.read(source, [page], other);
    if (!equal.call(trial.pair, one, 0, other, 0)) return { from, unlike: page };
  }
  must(false, "the harness's guest has pages that hold different things");
}

/** First, last and some between, ascending. */
function spread<C>({ pages }: Trial<C>): number[] {
  const chosen = Array.from({ length: SINGLES }, (_, i) =>
    Math.floor((i * (pages - 1)) / (SINGLES - 1)),
  );
  return [...new Set(chosen)];
}
