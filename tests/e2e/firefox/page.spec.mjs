// Stock Firefox opens the page, the example run and a link.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, PAGE } from "./browser.mjs";

const EXAMPLE = new URL("../../../www/example/", import.meta.url).pathname;

let firefox;
let page;
before(async () => {
  firefox = await launch();
  page = await firefox.open();
});
after(() => firefox?.close());

/** The headline and the paragraphs of the verdict, one line each. */
function verdict(page) {
  return page.evaluate(() => {
    const verdict = document.querySelector("[data-testid=verdict]");
    return [verdict.querySelector(".headline, summary"), ...verdict.querySelectorAll(".paragraphs p")].map((line) => line.textContent.trim());
  });
}

test("Firefox opens the page", () =>
  firefox.tested(async () => {
    await page.empty();
    assert.equal(await page.evaluate(() => document.title), "Grokscope");
    firefox.clean();
  }));

test("Firefox opens the example, and its verdict is the command line's", () =>
  firefox.tested(async () => {
    await page.click("[data-testid=open-example]");
    await page.finished();
    const cli = process.env.GROKSCOPE_CLI;
    assert.ok(cli, "GROKSCOPE_CLI names the command line program");
    const { files } = JSON.parse(readFileSync(join(EXAMPLE, "index.json"), "utf8"));
    const given = ["report", ...files.map((name) => join(EXAMPLE, name)), "-o", join(firefox.folder, "report.json")];
    const printed = execFileSync(cli, given, { encoding: "utf8" });
    // The command line breaks its lines and leaves a blank one between paragraphs.
    const expected = printed.trim().split(/\n\s*\n/).map((paragraph) => paragraph.replace(/\s+/g, " "));
    assert.ok(expected.length > 4, printed);
    assert.deepEqual(await verdict(page), expected);
    await page.until(() => {
      const drawings = [...document.querySelectorAll(".drawing")];
      return drawings.length > 0 && drawings.every((drawing) => drawing.querySelector("svg"));
    });
    firefox.clean();
  }));

test("Firefox opens a link with the same headline", () =>
  firefox.tested(async () => {
    await page.click("[data-testid=share]");
    // A worker writes the link.
    const link = await page.until(() => {
      const { value } = document.querySelector("[data-testid=share-link]") ?? {};
      return value?.includes("#r=") && value;
    });
    assert.ok(link.startsWith(PAGE), link.slice(0, 80));
    const other = await firefox.open(link);
    await other.present("[data-testid=report]");
    assert.match(await other.evaluate(() => document.querySelector(".banner").innerText), /From a link/);
    assert.equal((await verdict(other))[0], (await verdict(page))[0]);
    assert.equal(await other.evaluate(() => document.querySelector("[data-testid=errors]").textContent.trim()), "");
    firefox.clean();
  }));
