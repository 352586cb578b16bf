/** `precopy schema`: the JSON Schema of scenario files, for editors and checks. */
import { Command } from "commander";
import { scenarioJsonSchema } from "../../scenario/index.js";
import { collect } from "../flags.js";
import { registryWith } from "../scenario-file.js";
import type { Session } from "../session.js";

export function schemaCommand(session: Session): Command {
  return new Command("schema")
    .description("print the JSON Schema of scenario files")
    .option("--plugin <file>", "module with names that a scenario may use (repeatable)", collect)
    .action(async ({ plugin = [] }: { plugin?: readonly string[] }) => {
      session.printJson(scenarioJsonSchema(await registryWith(plugin)));
    });
}
