/**
 * Machines broken on purpose in what they do with the dirty log, each with the promise of the
 * conformance kit that is meant for it.
 */
import { PageBitmap } from "../../src/kernels/index.js";
import type { Breakage } from "./model-ports.js";

export interface Mutant {
  /** What it does, as "a machine that ...". */
  readonly what: string;
  readonly promise: string;
  readonly says: RegExp;
  readonly breakage: Breakage;
}

export const LOG_MUTANTS: readonly Mutant[] = [
  {
    what: "counts how often it is described",
    promise: "describes itself the same at any time",
    says: /describes itself while it is watched as/,
    breakage: {
      source: ({ source }) => {
        let times = 1;
        return { describe: () => ({ ...source.describe(), devices: `seen ${times++} times` }) };
      },
    },
  },
  {
    what: "turns a log on that still has its pages",
    promise: "starts the log clean each time that it is turned on",
    says: /log is not clean when it is turned on, turned on again/,
    breakage: {
      source: ({ source, guest, kernels }) => {
        let before = false;
        return {
          enableLogDirty: () => {
            const kept = PageBitmap.create(kernels, guest.pages.pages);
            kept.copyFrom(guest.pages.dirty);
            source.enableLogDirty();
            if (before) guest.pages.dirty.or(kept);
            before = true;
          },
        };
      },
    },
  },
  {
    what: "misses every seventh page",
    promise: "has every page that changed in the log",
    says: /changed and not in the log: page/,
    breakage: {
      source: ({ source, guest }) => ({
        harvest: (region, into) => {
          source.harvest(region, into);
          for (let page = 0; page < guest.pages.pages; page += 7) into.clear(page);
          return into.count();
        },
      }),
    },
  },
  {
    what: "loses what is written while it is stopped",
    promise: "has every page that changed in the log",
    says: /changed and not in the log: page 9$/,
    breakage: {
      source: (pair) => ({
        pause: () => {
          pair.source.pause();
          pair.write?.([9]);
          pair.guest.pages.dirty.clear(9);
        },
      }),
    },
  },
  {
    what: "tells the pages of a harvest twice over",
    promise: "clears the log by a harvest",
    says: /a harvest tells \d+ pages, and its bitmap has \d+/,
    breakage: {
      source: ({ source }) => ({ harvest: (region, into) => 2 * source.harvest(region, into) }),
    },
  },
  {
    what: "adds a harvest to what the bitmap held",
    promise: "clears the log by a harvest",
    says: /a harvest tells \d+ pages, and its bitmap has 700/,
    breakage: {
      source: ({ source, guest, kernels }) => ({
        harvest: (region, into) => {
          const before = PageBitmap.create(kernels, guest.pages.pages);
          before.copyFrom(into);
          const count = source.harvest(region, into);
          into.or(before);
          return count;
        },
      }),
    },
  },
  {
    what: "harvests without clearing",
    promise: "clears the log by a harvest",
    says: /still in the log after a harvest/,
    breakage: {
      source: ({ source, guest }) => ({
        harvest: (region, into) => {
          const count = source.harvest(region, into);
          guest.pages.dirty.or(into);
          return count;
        },
      }),
    },
  },
  {
    what: "does not re-arm what it harvested",
    promise: "logs on after a harvest",
    says: /no page that was harvested once came into the log again/,
    breakage: {
      source: ({ source, guest, kernels }) => {
        const disarmed = PageBitmap.create(kernels, guest.pages.pages);
        return {
          harvest: (region, into) => {
            source.harvest(region, into);
            into.andNot(disarmed);
            disarmed.or(into);
            return into.count();
          },
        };
      },
    },
  },
  {
    what: "clears what it peeks at",
    promise: "shows by a peek what the next harvest gives, and clears nothing",
    says: /one peek sees it in the log and the next does not/,
    breakage: {
      source: ({ source, guest }) => ({
        peek: (region, pages, mask) => {
          source.peek(region, pages, mask);
          guest.pages.dirty.clearBatch(pages);
        },
      }),
    },
  },
  {
    what: "peeks at the log before the last harvest",
    promise: "shows by a peek what the next harvest gives, and clears nothing",
    says: /either a peek or the harvest after it has it|a peek after a harvest sees it/,
    breakage: {
      source: ({ guest, kernels }) => {
        const seen = PageBitmap.create(kernels, guest.pages.pages);
        return {
          peek: (_region, pages, mask) => {
            seen.or(guest.pages.dirty);
            seen.maskOf(pages, mask);
          },
        };
      },
    },
  },
  {
    what: "forgets to log a page once it has been read",
    promise: "logs a page that is written after it was read",
    says: /changed after it was read and not in the log/,
    breakage: {
      source: ({ source, guest, kernels }) => {
        const disarmed = PageBitmap.create(kernels, guest.pages.pages);
        return {
          readPages: (region, pages, into) => {
            source.readPages(region, pages, into);
            disarmed.setBatch(pages);
          },
          harvest: (region, into) => {
            source.harvest(region, into);
            into.andNot(disarmed);
            disarmed.reset();
            return into.count();
          },
        };
      },
    },
  },
  {
    what: "takes pages out of the log when they are read",
    promise: "leaves the log alone when pages are read",
    says: /in the log before pages were read, or after it, not both/,
    breakage: {
      source: ({ source, guest }) => ({
        readPages: (region, pages, into) => {
          source.readPages(region, pages, into);
          guest.pages.dirty.clearBatch(pages);
        },
      }),
    },
  },
  {
    what: "clears the log with the accessed bits",
    promise: "leaves the log alone when a sample is taken",
    says: /in the log before a sample was taken, or after it, not both/,
    breakage: {
      source: ({ source, guest }) => ({
        sample: (command) => {
          guest.pages.dirty.reset();
          return source.sample(command);
        },
      }),
    },
  },
  {
    what: "fails on a sample that it cannot take",
    promise: "leaves the log alone when a sample is taken",
    says: /a sample of references throws something else than "unsupported": TypeError/,
    breakage: {
      source: () => ({
        sample: () => {
          throw new TypeError("not a function");
        },
      }),
    },
  },
];
