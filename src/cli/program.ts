/** The command line as a function: words in, exit code out. */
import { Command } from "commander";
import { STRATEGY_GRAMMAR } from "../migrate/strategy-name.js";
import { adviseCommand } from "./commands/advise.js";
import { boundCommand } from "./commands/bound.js";
import { compareCommand } from "./commands/compare.js";
import { demoCommand } from "./commands/demo.js";
import { explainCommand } from "./commands/explain.js";
import { forecastCommand } from "./commands/forecast.js";
import { mergeCommand } from "./commands/merge.js";
import { migrateCommand } from "./commands/migrate.js";
import { observeCommand } from "./commands/observe.js";
import { recordCommand } from "./commands/record.js";
import { runCommand } from "./commands/run.js";
import { schemaCommand } from "./commands/schema.js";
import { serveCommand } from "./commands/serve.js";
import { sweepCommand } from "./commands/sweep.js";
import { techniquesCommand } from "./commands/techniques.js";
import { tourCommand } from "./commands/tour.js";
import { traceCommand } from "./commands/trace.js";
import { validateCommand } from "./commands/validate.js";
import { xlCommand } from "./commands/xl.js";
import { packageVersion } from "./files.js";
import type { CliIo } from "./io.js";
import { EXIT, Session } from "./session.js";

const AFTER_HELP = `
Start here:
  precopy tour                                   the method's own experiment, explained
  precopy run examples/seed.yaml                 one migration, one report
  precopy compare examples/seed.yaml --runs 10   which strategy is better, by how much
  precopy techniques                             what can be written after -s
  precopy demo                                   a real x86 guest moves to another process

A strategy is written ${STRATEGY_GRAMMAR},
as in pre-copy, pre-copy@xen2005 or pre-copy+wsclock:tau=200ms+auto-converge@qemu72.

Exit codes: 0 ok, 1 a bug in precopy, 2 bad input, 3 a stated limit was missed,
4 a migration was aborted, 130 interrupted.
`;

/** Runs `precopy` with these words; never throws. */
export async function runCli(words: readonly string[], io: CliIo): Promise<number> {
  const session = new Session(io);
  session.words = words;
  try {
    const program = createProgram(session);
    if (words.length === 0) {
      program.outputHelp();
      return EXIT.ok;
    }
    await program.parseAsync(words, { from: "user" });
    return session.exitCode;
  } catch (error) {
    return session.fail(error);
  } finally {
    session.close();
  }
}

function createProgram(session: Session): Command {
  const { stdout, stderr } = session.io;
  const program = new Command("precopy")
    .description("Move virtual machines while they run, and know beforehand how the move will go.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText("after", AFTER_HELP)
    .showHelpAfterError("(try it with --help)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => session.width,
      getErrHelpWidth: () => session.width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  const commands = [
    runCommand(session),
    compareCommand(session),
    boundCommand(session),
    sweepCommand(session),
    mergeCommand(session),
    forecastCommand(session),
    explainCommand(session),
    adviseCommand(session),
    observeCommand(session),
    validateCommand(session),
    xlCommand(session),
    traceCommand(),
    recordCommand(session),
    serveCommand(session),
    migrateCommand(session),
    demoCommand(session),
    techniquesCommand(session),
    schemaCommand(session),
    tourCommand(session),
  ];
  for (const command of commands) {
    program.addCommand(command);
    inherit(command, program);
  }
  return program;
}

/** Commander passes settings on only to commands that it makes itself. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
}
