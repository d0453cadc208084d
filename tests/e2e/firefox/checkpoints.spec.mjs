// Stock Firefox runs checkpoints on the CPU.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { STEPS, comparable, same, tar, tracesOf } from "../demo-run.mjs";
import { launch, PAGE } from "./browser.mjs";
import { until } from "./page.mjs";

const steps = STEPS.slice(-2);

let firefox;
before(async () => (firefox = await launch()));
after(() => firefox?.close());

/** The command line's report of the traces that transformers made of the checkpoints. */
function fromTraces() {
  const cli = process.env.GROKSCOPE_CLI;
  assert.ok(cli, "GROKSCOPE_CLI names the command line program");
  const { traces, results } = tracesOf(steps);
  const [run, report] = ["run.json", "report.json"].map((name) => join(firefox.folder, name));
  writeFileSync(run, JSON.stringify(results));
  execFileSync(cli, ["report", ...traces, run, "-o", report], { stdio: ["ignore", "ignore", "inherit"] });
  return JSON.parse(readFileSync(report, "utf8"));
}

/** The report's JSON export. */
async function exported(page) {
  await page.press("d");
  await page.click("[data-testid=export-dialog] button", "Save JSON");
  const file = await until(() => firefox.saved(".json"), "a saved report");
  return JSON.parse(readFileSync(file, "utf8"));
}

test("Firefox runs checkpoints on the CPU and gives the report of their traces", () =>
  firefox.tested(async () => {
    const archive = join(firefox.folder, "demo.tar");
    writeFileSync(archive, tar(steps));
    const page = await firefox.open(`${PAGE}#backend=cpu`);
    await page.empty();
    await page.give("[data-testid=file-input]", [archive]);
    await page.finished();
    assert.match(await page.evaluate(() => document.querySelector("[data-testid=processor]").textContent), /^CPU/);
    const messages = await page.evaluate(() => [...document.querySelectorAll("[data-testid=file-table] .message")].map((message) => message.textContent));
    assert.equal(messages.filter((message) => /tokens in [\d.]+ s on the CPU/.test(message)).length, steps.length, messages.join("\n"));
    same(comparable(await exported(page)), comparable(fromTraces()));
    firefox.clean();
  }));
