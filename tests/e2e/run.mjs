// Runs specifications against a page that is being served: `node run.mjs [comma-separated parts of file names]`.
//
// `cargo xtask test` and `cargo xtask e2e` set the variables: GROKSCOPE_PAGE, the page's address; GROKSCOPE_BUILT, its
// folder; CHROME, a Chromium;
// GROKSCOPE_GPU, `on` or `off`; GROKSCOPE_CLI, the command line program; GROKSCOPE_OUT, a folder for screenshots;
// GROKSCOPE_SPECS, the parts of file names. With GROKSCOPE_FOLDER=firefox it runs the specifications for the Firefox at FIREFOX.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const specs = new URL(`./${process.env.GROKSCOPE_FOLDER ?? "specs"}/`, import.meta.url);
const parts = (process.argv[2] ?? process.env.GROKSCOPE_SPECS ?? "").split(",");
const files = readdirSync(specs)
  .filter((name) => name.endsWith(".spec.mjs") && parts.some((part) => name.includes(part)))
  .sort()
  .map((name) => new URL(name, specs).pathname);
if (files.length === 0) {
  console.error(`no specification has "${parts.join('" or "')}" in its name`);
  process.exit(2);
}
// Firefox is steered through a WebSocket, which Node 20 has only if asked.
const sockets = globalThis.WebSocket ? [] : ["--experimental-websocket"];
// One browser at a time, because software rendering uses all cores. A failed test may leave servers and browsers open, so
// the exit is forced.
const { status } = spawnSync(process.execPath, [...sockets, "--test", "--test-concurrency=1", "--test-force-exit", "--test-timeout=600000", "--test-reporter=spec", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
