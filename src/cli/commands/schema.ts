/** `precopy schema`: the JSON Schema of scenario files, for editors and checks. */
import { Command } from "commander";
import { scenarioJsonSchema } from "../../scenario/index.js";
import type { Session } from "../session.js";

export function schemaCommand(session: Session): Command {
  return new Command("schema")
    .description("print the JSON Schema of scenario files")
    .action(() => session.printJson(scenarioJsonSchema()));
}
