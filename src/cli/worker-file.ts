/** Files of worker threads: beside the built program, or from source, where tsx reads their types. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageFolder } from "./files.js";

/**
 * @param built its name in dist/
 * @param source its path from the package's folder
 * @returns a URL; what the module exports by default is exported again
 */
export function workerFile({ built, source }: { built: string; source: string }): string {
  const urlOf = (path: string) => pathToFileURL(join(packageFolder(), path)).href;
  if (!import.meta.url.endsWith(".ts")) return urlOf(`dist/${built}.js`);
  const tsx = urlOf("node_modules/tsx/dist/esm/api/index.mjs");
  const text = `import { register } from ${JSON.stringify(tsx)};
    register();
    export default (await import(${JSON.stringify(urlOf(source))})).default;`;
  return `data:text/javascript,${encodeURIComponent(text)}`;
}
