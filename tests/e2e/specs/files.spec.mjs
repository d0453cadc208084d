// Bad files beside good ones: each says what is wrong with it, and the good ones become a report.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, test } from "node:test";

import { by, clean, drop, empty, finished, give, launch, made, open, picture, runA, trace } from "../harness.mjs";

const SMALL = { samples: 12, layers: 3, experts: 8 };
const good = (step) => made(`good-${step}.safetensors`, trace({ step, ...SMALL }));

const BAD = {
  "empty.safetensors": Buffer.alloc(0),
  "truncated.safetensors": trace({ step: 3000, ...SMALL }).subarray(0, 900),
  "oversized-header.safetensors": Buffer.concat([Buffer.from("ffffffffffff0000", "hex"), Buffer.from("{}")]),
  "not-numbers.safetensors": trace({ step: 3000, ...SMALL, changed: { tensors: spoil((gates) => (gates[5] = NaN)) } }),
  "no-sum.safetensors": trace({ step: 3000, ...SMALL, changed: { tensors: spoil((gates) => (gates[5] += 3)) } }),
  "integers.safetensors": trace({
    step: 3000,
    ...SMALL,
    changed: { tensors: ([gates, ...rest]) => [{ ...gates, dtype: "I32" }, ...rest] },
  }),
  "holiday.jpg": Buffer.from("ffd8ffe000104a46494600", "hex"),
  "notes.txt": Buffer.from("Remember the milk.\n"),
  "<img src=x onerror=alert(1)>.safetensors": Buffer.from("<script>alert(1)</script>"),
};

function spoil(change) {
  return ([gates, ...rest]) => {
    change(gates.data);
    return [gates, ...rest];
  };
}

let session;
before(async () => (session = await launch()));
after(() => session.close());

const rows = (page) =>
  page.locator("[data-testid=file-table] tbody tr").evaluateAll((rows) =>
    rows.map((row) => ({
      path: row.querySelector("th").textContent,
      state: row.querySelector(".state").textContent,
      messages: [...row.querySelectorAll(".message")].map((message) => message.textContent),
    })),
  );

test("every bad file has its reason, nothing good is lost", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const bad = Object.entries(BAD).map(([name, content]) => made(name, content));
  await give(page, [good(1000), ...bad, good(2000)]);
  await finished(page);
  const table = await rows(page);
  assert.equal(table.length, bad.length + 2);
  for (const { path, state, messages } of table) {
    if (path.startsWith("good-")) {
      assert.equal(state, "used", path);
      continue;
    }
    assert.notEqual(state, "used", path);
    assert.ok(messages.join(" ").length > 20, `${path}: ${messages}`);
    console.log(`${path}: ${state}: ${messages.join(" ")}`);
  }
  assert.equal(await page.locator("script:not([src]), img[src=x]").count(), 0);
  await picture(page, "bad-files");
  clean(session, opened);
  await opened.context.close();
});

test("checkpoints of another run, and the same step twice, are told apart", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [
    good(1000),
    good(2000),
    good(3000),
    made("other-shape.safetensors", trace({ step: 4000, ...SMALL, experts: 16 })),
    made("same-step.safetensors", trace({ step: 2000, ...SMALL, seed: 99 })),
    made("fewer-samples.safetensors", trace({ step: 5000, ...SMALL, samples: 10 })),
  ]);
  await finished(page);
  const table = await rows(page);
  for (const name of ["other-shape.safetensors", "same-step.safetensors"]) {
    const row = table.find(({ path }) => path === name);
    assert.notEqual(row.state, "used", name);
    assert.ok(row.messages.length > 0, name);
  }
  for (const { path, state } of table.filter(({ path }) => path.startsWith("good-"))) {
    assert.equal(state, "used", path);
  }
  clean(session, opened);
  await opened.context.close();
});

test("a drop on the page is read like chosen files", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await drop(page, runA().map((path) => ({ name: basename(path), content: readFileSync(path) })));
  await finished(page);
  const table = await rows(page);
  assert.deepEqual(table.filter(({ state }) => state !== "used"), []);
  clean(session, opened);
  await opened.context.close();
});

test("only files that are no use leave a page that can be used", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [made("holiday.jpg", BAD["holiday.jpg"])]);
  await page.waitForFunction(() => /holiday\.jpg/.test(document.body.innerText));
  await give(page, [good(1000), good(2000)]);
  await finished(page);
  clean(session, opened);
  await opened.context.close();
});
