// Updates the chart scripts of www/vendor from npm: `node xtask/node/vendor.mjs`. Versions are set here.
//
// The minified builds are unchanged, except that the name of the source map is removed. The interpreter is an ES module
// that imports from `vega-util`, which is part of the Vega build.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PACKAGES = [
  { name: "vega", version: "6.4.0", from: "build/vega.min.js", to: "vega.js" },
  { name: "vega-lite", version: "6.5.0", from: "build/vega-lite.min.js", to: "vega-lite.js" },
  { name: "vega-interpreter", version: "2.3.2", from: "build/vega-interpreter.js", to: "vega-interpreter.js" },
];
const IMPORT = /^import \{ ([\w, ]+) \} from 'vega-util';$/m;

const vendor = new URL("../../www/vendor/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "vendor-"));
try {
  writeFileSync(join(folder, "package.json"), "{}");
  const wanted = PACKAGES.map(({ name, version }) => `${name}@${version}`);
  execFileSync("npm", ["install", "--ignore-scripts", "--silent", ...wanted], { cwd: folder });
  const modules = join(folder, "node_modules");
  for (const { name, version, from, to } of PACKAGES) {
    let script = readFileSync(join(modules, name, from), "utf8").replace(/\n?\/\/# sourceMappingURL=.*\n?$/, "\n");
    if (to === "vega-interpreter.js") {
      if (!IMPORT.test(script)) {
        throw new Error(`${from} does not import from vega-util as it did: see how it can be joined to Vega's own build`);
      }
      script = script.replace(IMPORT, "const { $1 } = globalThis.vega;");
    }
    writeFileSync(new URL(to, vendor), script);
    const hash = createHash("sha256").update(script).digest("hex");
    console.log(`| \`${to}\` | ${name} ${version} | \`${from}\` | \`${hash.slice(0, 16)}\` |`);
  }
  writeFileSync(new URL("LICENSES.txt", vendor), licences(modules));
} finally {
  rmSync(folder, { recursive: true });
}

// Licences of the packages and of everything bundled in their builds, each text once.
function licences(modules) {
  const texts = new Map();
  // Command line dependencies that are not bundled.
  const unused = new Set(["yargs", "yargs-parser", "cliui", "y18n", "escalade", "get-caller-file", "string-width", "strip-ansi",
    "ansi-regex", "ansi-styles", "wrap-ansi", "emoji-regex", "get-east-asian-width", "tslib", "commander", "node-fetch",
    "whatwg-url", "tr46", "webidl-conversions", "iconv-lite", "safer-buffer", "rw", "json-stringify-pretty-compact"]);
  for (const name of readdirSync(modules).sort()) {
    const path = join(modules, name);
    if (name.startsWith(".") || name.startsWith("@types") || unused.has(name) || !existsSync(join(path, "package.json"))) {
      continue;
    }
    const { version, license } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    const file = readdirSync(path).find((file) => /^licen[cs]e/i.test(file));
    const text = file ? readFileSync(join(path, file), "utf8").trim() : `Licence: ${license}`;
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version}`]);
  }
  const parts = [...texts].map(([text, names]) => `${names.join(", ")}\n\n${text}\n`);
  return `Licences of the scripts in this folder and of the packages that are built into them.\n\n${parts.join("\n----\n\n")}`;
}
