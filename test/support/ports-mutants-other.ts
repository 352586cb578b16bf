/**
 * Machines broken on purpose in what they do with pages, time and the hand-over, each with the
 * promise of the conformance kit that is meant for it.
 */
import { PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import type { ModelPair } from "./model-ports.js";
import type { Mutant } from "./ports-mutants-log.js";

export const OTHER_MUTANTS: readonly Mutant[] = [
  {
    what: "reads the pages of a list in ascending order",
    promise: "reads the same in any order and any batch",
    says: /at the wrong place of a descending list/,
    breakage: {
      source: ({ source, kernels }) => ({
        readPages: (region, pages, into) => {
          const ascending = U32Buffer.create(kernels, pages.length);
          ascending.set([...pages.view()].sort((a, b) => a - b));
          source.readPages(region, ascending, into);
        },
      }),
    },
  },
  {
    what: "writes one page further on",
    promise: "shows at the target what was written there",
    says: /what was written to the target's pages .* is not what they hold/,
    breakage: {
      target: ({ target, guest }) => ({
        writePages: (region, pages, contents) => {
          const view = pages.view();
          for (let i = 0; i < view.length; i++) view[i] = (view[i]! + 1) % guest.pages.pages;
          target.writePages(region, pages, contents);
        },
      }),
    },
  },
  {
    what: "writes the next page along",
    promise: "changes no other page when one is written",
    says: /page 350 was written, and changed: page 351$/,
    breakage: {
      target: ({ target }) => ({
        writePages: (region, pages, contents) => {
          target.writePages(region, pages, contents);
          const view = pages.view();
          for (let i = 0; i < view.length; i++) view[i] = Math.min(699, view[i]! + 1);
          target.writePages(region, pages, contents);
        },
      }),
    },
  },
  {
    what: "drops what it is to write past its end",
    promise: "refuses page numbers past the end",
    says: /writing page 700 of 700 is not refused/,
    breakage: { target: ({ target }) => ({ writePages: quiet(target.writePages.bind(target)) }) },
  },
  {
    what: "reads past its end as nothing",
    promise: "refuses page numbers past the end",
    says: /reading page 700 of 700 is not refused/,
    breakage: { source: ({ source }) => ({ readPages: quiet(source.readPages.bind(source)) }) },
  },
  {
    what: "peeks past its end",
    promise: "refuses page numbers past the end",
    says: /a peek at page 700 of 700 is not refused/,
    breakage: { source: ({ source }) => ({ peek: quiet(source.peek.bind(source)) }) },
  },
  {
    what: "leaves the mask as it was when a list is empty",
    promise: "takes empty lists",
    says: /a peek at no page tells of 1/,
    breakage: {
      source: ({ source }) => ({
        peek: (region, pages, mask) => {
          if (pages.length > 0) source.peek(region, pages, mask);
        },
      }),
    },
  },
  {
    what: "takes a disk for its memory",
    promise: "refuses a region that it has not got",
    says: /a harvest of disk:97 is not refused/,
    breakage: {
      source: ({ source }) => ({ harvest: (_region, into) => source.harvest("ram", into) }),
    },
  },
  {
    what: "runs on when it is paused",
    promise: "changes nothing while it is paused",
    says: /changed while the guest was paused/,
    breakage: { source: runsOn },
  },
  {
    what: "logs a page that nobody wrote, in every pause",
    promise: "logs nothing while it is paused",
    says: /logged while the guest was paused: page 0$/,
    breakage: {
      source: ({ source, guest }) => ({
        harvest: (region, into) => {
          const count = source.harvest(region, into);
          if (!guest.running) guest.pages.dirty.set(0);
          return count;
        },
      }),
    },
  },
  {
    what: "tells virtual time by the host's clock",
    promise: "tells virtual time that grows while it runs, and only then",
    says: /virtual time grew by \d+ ns while the guest was paused/,
    breakage: { source: runsOn },
  },
  {
    what: "lets virtual time go back",
    promise: "tells virtual time that grows while it runs, and only then",
    says: /virtual time went back/,
    breakage: {
      source: ({ source }) => {
        let look = 0;
        return { virtualNs: () => source.virtualNs() - (look++ % 3) * 1e6 };
      },
    },
  },
  {
    what: "stops what is slowed hard",
    promise: "runs on under the hardest brake",
    says: /a guest with a CPU share of 0.01 does not run at all/,
    breakage: {
      source: ({ guest }) => ({
        setBrake: ({ cpuShare }) => {
          guest.running = cpuShare > 0.05;
        },
      }),
    },
  },
  {
    what: "keeps what was written to a page first",
    promise: "is equal at the target after a move by its log",
    says: /the target differs from the paused source/,
    breakage: {
      target: ({ target, guest, kernels }) => {
        const seen = PageBitmap.create(kernels, guest.pages.pages);
        return {
          writePages: (region, pages, contents) => {
            if (pages.view().some((page) => seen.has(page))) return;
            seen.setBatch(pages);
            target.writePages(region, pages, contents);
          },
        };
      },
    },
  },
  {
    what: "gives its device state away only once",
    promise: "gives and takes device state any number of times",
    says: /device state of one paused guest is 1003 and 0 bytes/,
    breakage: {
      source: ({ source }) => {
        let state: Uint8Array | undefined;
        return {
          deviceState: () => {
            if (state !== undefined) return new Uint8Array(0);
            state = source.deviceState() as Uint8Array;
            return state;
          },
        };
      },
    },
  },
  {
    what: "runs as soon as it has its device state",
    promise: "goes on at the target, and not before it is told",
    says: /the guest runs at the target before it is told/,
    breakage: {
      target: ({ target, guest }) => ({
        loadDeviceState: (state) => {
          void target.loadDeviceState(state);
          guest.resume();
        },
      }),
    },
  },
  {
    what: "does not run at the target",
    promise: "goes on at the target, and not before it is told",
    says: /the guest does not get past its progress at the source/,
    breakage: { target: () => ({ run: () => undefined }) },
  },
  {
    what: "keeps memory reserved for a move that was given up",
    promise: "can be moved, to the same target, after moves were given up",
    says: /already holds/,
    breakage: { target: () => ({ abort: () => undefined }) },
  },
  {
    what: "stays paused when a move was given up",
    promise: "can be moved, to the same target, after moves were given up",
    says: /the guest does not go on at the source after a move was given up/,
    breakage: { source: () => ({ resume: () => undefined }) },
  },
  {
    what: "keeps a guest that it released",
    promise: "runs at the source no more once it was released",
    says: /resuming a guest that was released is not refused/,
    breakage: { source: () => ({ release: () => undefined }) },
  },
  {
    what: "takes any guest",
    promise: "refuses a guest that does not fit, and keeps nothing for it",
    says: /a target takes a guest that is \{"kind":"model-not"\} from what it is/,
    breakage: {
      target: ({ target, guest }) => {
        let taken = false;
        return {
          prepare: () => {
            if (taken) return undefined;
            taken = true;
            return target.prepare(guest.describe());
          },
        };
      },
    },
  },
  {
    what: "reserves before it refuses",
    promise: "refuses a guest that does not fit, and keeps nothing for it",
    says: /already holds/,
    breakage: {
      target: ({ target, hosts: [, to] }) => ({
        prepare: (other) => {
          const refusal = target.prepare(other);
          if (refusal !== undefined) to.memory.reserve(other.name, 700);
          return refusal;
        },
      }),
    },
  },
  {
    what: "reads the page before the one that is asked for",
    promise: "has each write in the next harvest, once",
    says: /written or read with other contents, not both/,
    breakage: {
      source: ({ source, kernels }) => ({
        readPages: (region, pages, into) => {
          const wrong = U32Buffer.create(kernels, pages.length);
          wrong.set(pages.view().map((page) => Math.max(0, page - 1)));
          source.readPages(region, wrong, into);
        },
      }),
    },
  },
  {
    what: "logs the neighbour too",
    promise: "has each write in the next harvest, once",
    says: /written or in the harvest, not both: page 351$/,
    breakage: {
      source: ({ source }) => ({
        harvest: (region, into) => {
          source.harvest(region, into);
          if (into.has(350)) into.set(351);
          return into.count();
        },
      }),
    },
  },
  {
    what: "ignores its brake",
    promise: "runs slower under a brake, and as before without",
    says: /a CPU share of 0.1 lets \d+ of \d+ ns pass/,
    breakage: { source: () => ({ setBrake: () => undefined }) },
  },
  {
    what: "never lets go of its brake",
    promise: "runs slower under a brake, and as before without",
    says: /no brake lets \d+ ns pass, a share of 0.1 \d+/,
    breakage: {
      source: ({ source }) => ({
        setBrake: (brake) => {
          if (brake.cpuShare < 1) source.setBrake(brake);
        },
      }),
    },
  },
];

function runsOn({ source, guest }: ModelPair) {
  return {
    pause: () => {
      source.pause();
      guest.running = true;
    },
  };
}

/** A call that swallows what is wrong with what it is given. */
function quiet<A extends unknown[]>(call: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      call(...args);
    } catch {
      return;
    }
  };
}
