/** How far a sweep is, and when it will be done if it goes on as it went. */
import { count } from "../../report/text.js";

export class Eta {
  private readonly before: number;
  private doneJobs: number;
  private readonly all: number;

  constructor(
    private readonly startMs: number,
    jobs: { readonly done: number; readonly all: number },
  ) {
    this.before = jobs.done;
    this.doneJobs = jobs.done;
    this.all = jobs.all;
  }

  get done(): number {
    return this.doneJobs;
  }

  /** One more job has ended. */
  count(): void {
    this.doneJobs++;
  }

  /** "[312/1,000] 31 %, 4 min 10 s left". */
  text(nowMs: number): string {
    const ran = this.doneJobs - this.before;
    const share = this.all === 0 ? 100 : Math.floor((100 * this.doneJobs) / this.all);
    const progress = `[${count(this.doneJobs)}/${count(this.all)}] ${share} %`;
    if (ran === 0) return progress;
    const left = ((nowMs - this.startMs) / ran) * (this.all - this.doneJobs);
    return `${progress}, ${timeText(left)} left`;
  }
}

function timeText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
