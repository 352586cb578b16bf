/**
 * `npm run demo:web`: the browser demo on a port of this machine alone, until it is stopped. The
 * port is the first argument, or 8086.
 */
import { serveDemo } from "./demo-web/server.js";

const DEFAULT_PORT = 8086;

const port = Number(process.argv[2] ?? DEFAULT_PORT);
try {
  const { origin } = await serveDemo(port);
  console.log(`Open ${origin}/ in a browser. Ctrl-C ends it.`);
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  console.error(
    code === "EADDRINUSE"
      ? `port ${port} is taken: npm run demo:web -- ${port + 1}, or any other free one`
      : message,
  );
  process.exitCode = 2;
}
