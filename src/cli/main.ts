#!/usr/bin/env node
/** The program `precopy`. */
import { processIo } from "./io.js";
import { runCli } from "./program.js";

// A reader that closes early, as head does, is not an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

// Not process.exit: what was written to a pipe has to get there.
process.exitCode = await runCli(process.argv.slice(2), processIo());
