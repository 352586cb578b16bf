/**
 * Three projects: `source` tests src/ as it stands; `package` tests the built package and builds it
 * first where it is older than its sources; `real` moves real guests (v86, QEMU), one file after the
 * other when the others are done, for two machines want both cores and are held against the clock.
 * `vitest run test/<room>` starts only what it needs.
 */
import { defineConfig } from "vitest/config";

const builtTests = ["test/package/**/*.test.ts", "test/browser/**/*.test.ts"];
const realTests = [
  ...["test/live/**/*.test.ts", "test/qemu/**/*.test.ts"],
  ...["test/cli/observe.test.ts", "test/cli/live*.test.ts"],
];

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "source",
          include: ["test/**/*.test.ts"],
          exclude: [...builtTests, ...realTests],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "package",
          include: builtTests,
          globalSetup: "test/package/global-setup.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "real",
          include: realTests,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          // A shared machine may stand still for longer than a move's time-outs.
          retry: process.env.CI === undefined ? 0 : 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
