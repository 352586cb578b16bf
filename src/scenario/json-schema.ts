/**
 * The JSON Schema (draft 2020-12) of scenario files, for editors that complete and check YAML:
 * `# yaml-language-server: $schema=scenario.schema.json` on the first line of a file.
 */
import { z } from "zod";
import { Registry } from "../migrate/registry.js";
import { scenarioSchema } from "./schema.js";

/** Plain JSON, the same at every call for the same registry. */
export function scenarioJsonSchema(registry = Registry.standard()): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(scenarioSchema(registry), {
    io: "input",
    target: "draft-2020-12",
  });
  return { $schema, title: "Scenario of precopy", ...rest };
}
