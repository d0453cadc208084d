// The page's figures equal the reference's, and the command line's bit for bit.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIXTURES, by, clean, empty, exported, finished, give, launch, open, runA, view } from "../harness.mjs";

const expected = JSON.parse(readFileSync(join(FIXTURES, "metrics/run-a/expected.json"), "utf8"));

let session;
let opened;
let json;
before(async () => {
  session = await launch();
  opened = await open(session);
  await empty(opened.page);
  await give(opened.page, runA());
  await finished(opened.page);
  json = await exported(opened.page);
});
after(async () => {
  await opened?.context.close();
  await session.close();
});

test("run-a natively and in the page: the same bytes", () => {
  const cli = process.env.GROKSCOPE_CLI;
  assert.ok(cli, "GROKSCOPE_CLI names the command line program");
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  try {
    const output = join(folder, "report.json");
    execFileSync(cli, ["report", ...runA(), "-o", output, "--title", JSON.parse(json).title], { stdio: ["ignore", "inherit", "pipe"] });
    assert.equal(json, readFileSync(output, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Asserts that a group's distances are the reference's. */
function right(report, group) {
  for (const name of ["math", "code"]) {
    const { values } = report.courses.find((course) =>
      course.metric === "distance" && course.domain === name && course.group === group && course.tau === 0.7 && !("other_domain" in course) && !("t_star" in course));
    const means = expected.distance[name][group]["0.7"].symbol.mean;
    assert.equal(values.length, means.length);
    means.forEach((mean, at) => assert.ok(Math.abs(values[at] - mean) <= 1e-9 * mean, `${name}, ${group}: ${values[at]} is not ${mean}`));
  }
}

test("pathway distances equal the reference's", async () => {
  const report = JSON.parse(json);
  assert.deepEqual(report.checkpoints.map(({ step }) => step), [1000, 2000, 3000, 4000, 5000, 6000, 7000]);
  right(report, "all");
  // The reference has the paper's memorized group.
  const { page } = opened;
  const rule = async (name) => {
    await by(page, "settings").click();
    await page.getByRole("group", { name: "Onsets" }).getByRole("button", { name, exact: true }).click();
    await page.keyboard.press("Escape");
    await finished(page);
    return exported(page);
  };
  const paper = JSON.parse(await rule("paper"));
  right(paper, "all");
  right(paper, "memorized");
  assert.equal(await rule("causal"), json, "the same bytes after going back");
});

test("the table view shows the distances", async () => {
  const { page } = opened;
  await view(page, "table");
  const cells = await page.locator("[data-testid=report] td").allInnerTexts();
  const shown = cells.map((cell) => ({ text: cell.trim(), value: Number(cell.trim()) })).filter(({ value }) => Number.isFinite(value));
  for (const name of ["math", "code"]) {
    for (const mean of expected.distance[name].all["0.7"].symbol.mean) {
      // A cell with at least three significant digits that is this number, rounded.
      const found = shown.some(({ text, value }) => {
        const digits = text.replace(/\D/g, "").length;
        const places = text.split(".")[1]?.length ?? 0;
        return digits >= 3 && Math.abs(value - mean) <= 0.5001 * 10 ** -places;
      });
      assert.ok(found, `${name}: ${mean}`);
    }
  }
  clean(session, opened);
});
