/**
 * Three projects: `source` tests src/ as it stands; `package` tests the built package and builds it
 * first where it is older than its sources; `qemu` asks a real QEMU, one test after the other when the
 * others are done, for two emulated machines want both cores and are held against the clock.
 * `vitest run test/<room>` starts only what it needs.
 */
import { defineConfig } from "vitest/config";

const builtTests = ["test/package/**/*.test.ts", "test/browser/**/*.test.ts"];
const qemuTests = [
  ...["test/qemu/**/*.test.ts", "test/cli/observe.test.ts"],
  "test/live/qemu/qemu-monitor.test.ts",
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
          exclude: [...builtTests, ...qemuTests],
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
          name: "qemu",
          include: qemuTests,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
