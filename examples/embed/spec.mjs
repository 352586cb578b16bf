/**
 * What the examples here move: a guest of 64 MiB between two hosts over 1 Gbit/s. It writes 9 out
 * of 10 times into a tenth of its pages.
 */
import { DEFAULT_COSTS } from "precopy";

const host = (name) => ({
  name,
  physicalCpus: 4,
  memoryPages: 1 << 20,
  pml: false,
  dom0: { memoryPages: 1 << 16, vcpus: 1, weight: 256, demandCpus: 0.05 },
  costs: DEFAULT_COSTS,
});

const pages = 16_384;

export const spec = {
  seed: 1,
  hosts: [host("xen-a"), host("xen-b")],
  links: [
    {
      name: "wire",
      between: ["xen-a", "xen-b"],
      bandwidthBytesPerSec: 125_000_000,
      latencyNs: 100_000,
    },
  ],
  domains: [
    {
      name: "web",
      host: "xen-a",
      pages,
      vcpus: 1,
      weight: 256,
      cap: 0,
      demandCpus: 1,
      activity: {
        kind: "synthetic",
        components: [
          {
            pattern: {
              kind: "hot-cold",
              firstPage: 0,
              pages,
              hotPages: pages / 16,
              hotFraction: 0.9,
            },
            accessesPerSec: 20_000,
          },
        ],
      },
      deviceStateBytes: 65_536,
      suspendDirtiesPages: 0,
    },
  ],
  migrations: [
    {
      domain: "web",
      to: "xen-b",
      strategy: "pre-copy+wsclock",
      startNs: 0,
      downtimeLimitNs: 300_000_000,
      timeoutNs: 600_000_000_000,
    },
  ],
  atOnce: 1,
};
