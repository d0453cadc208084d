// Runs the specifications against a page that is being served: `node run.mjs [parts of files' names, by comma]`.
//
// `cargo xtask test` sets these: GROKSCOPE_PAGE, the page's address; CHROME, a Chromium; GROKSCOPE_GPU, `on` or `off`;
// GROKSCOPE_CLI, the command line program; GROKSCOPE_OUT, a folder for pictures. GROKSCOPE_SPECS can name
// them as well.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const specs = new URL("./specs/", import.meta.url);
const wanted = (process.argv[2] ?? process.env.GROKSCOPE_SPECS ?? "").split(",");
const files = readdirSync(specs)
  .filter((name) => name.endsWith(".spec.mjs") && wanted.some((part) => name.includes(part)))
  .sort()
  .map((name) => new URL(name, specs).pathname);
if (files.length === 0) {
  console.error(`no specification has "${wanted.join('" or "')}" in its name`);
  process.exit(2);
}
// One browser at a time: software rendering takes every core there is. A test that fails leaves servers and browsers
// behind, which must not keep the program from ending.
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", "--test-force-exit", "--test-timeout=600000", "--test-reporter=spec", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
