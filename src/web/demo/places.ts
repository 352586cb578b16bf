/**
 * The machines of this tab and the guest that is at one of them: its serial output is judged as one
 * story, in the order of the places that it was at, though workers report in any order.
 */
import { GuestWorker } from "../guest-worker.js";
import type { News, Pulse } from "../messages.js";
import { SerialJudge } from "../serial-judge.js";
import { Pane } from "./pane.js";

const V86 = { module: "v86/libv86.mjs", wasm: "v86/v86.wasm" };

export interface Place {
  readonly pane: Pane;
  readonly worker: GuestWorker;
  /** What came of a guest whose place before has not said its last yet. */
  unheard: string;
  has: boolean;
}

export class Places {
  readonly all: Place[] = [];
  /** Where the guest is; undefined when it is in no worker of this tab. */
  holder: Place | undefined;
  private judge = new SerialJudge();

  constructor(private readonly heard: (place: Place, news: News) => void) {}

  async add(name: string): Promise<Place> {
    const pane = new Pane(name);
    const early: News[] = [];
    let place: Place | undefined;
    const news = (told: News) => {
      if (place === undefined) early.push(told);
      else this.hear(place, told);
    };
    const worker = await GuestWorker.open({ worker: "worker.js", v86: V86, news });
    place = { pane, worker, unheard: "", has: false };
    this.all.push(place);
    for (const told of early) this.hear(place, told);
    return place;
  }

  /** The next guest here is another one, or was elsewhere in between. */
  beginStory(): void {
    this.judge = new SerialJudge();
  }

  private hear(place: Place, news: News): void {
    if (news.kind === "pulse") this.follow(place, news.pulse);
    this.heard(place, news);
  }

  private follow(place: Place, pulse: Pulse): void {
    place.unheard += pulse.serial;
    place.has = pulse.phase === "running" || pulse.phase === "leaving";
    if (this.holder === place) this.listen(place);
    if (this.holder === undefined || !this.holder.has) {
      this.holder = this.all.find(({ has }) => has);
      if (this.holder !== undefined) this.listen(this.holder);
    }
    place.pane.show(pulse, this.holder === place ? this.judge : undefined);
  }

  private listen(place: Place): void {
    this.judge.add(place.unheard);
    place.unheard = "";
  }
}
