/**
 * Two projects: `source` tests src/ as it stands; `package` tests the built package and builds it
 * first where it is older than its sources. `vitest run test/<room>` starts only what it needs.
 */
import { defineConfig } from "vitest/config";

const builtTests = ["test/package/**/*.test.ts", "test/browser/**/*.test.ts"];

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "source",
          include: ["test/**/*.test.ts"],
          exclude: builtTests,
          testTimeout: 60_000,
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
    ],
  },
});
