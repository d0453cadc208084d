// Files of the kinds that people have, dropped as folders: read as on the command line, or asked about.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIXTURES, by, clean, empty, finished, launch, open } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** Kinds, each with what the page then says of the run and of its files. */
const READ = {
  "05-sglang-batch-list": { run: "6 samples × 3 checkpoints" },
  "06a-nemo-rl-envelope": { run: "6 samples × 3 checkpoints" },
  "07-appledouble": { run: "6 samples × 3 checkpoints", files: 3 },
  "08-utf16": { run: "6 samples × 3 checkpoints" },
  "13a-npz-fortran": { run: "6 samples × 3 checkpoints" },
  "25a-tp-ranks-jsonl": { run: "6 samples × 3 checkpoints", says: /the same in several files and count once/ },
  "32-jsonl-steps-in-one-file": { run: "6 samples × 3 checkpoints", files: 1, says: /records of 3 checkpoints/ },
  "33-parquet-layer-column": { run: "6 samples × 3 checkpoints" },
  "38-numpy-not-contiguous": { run: "6 samples × 3 checkpoints", says: /ascontiguousarray/ },
};

const texts = (page) => page.locator("[data-testid=file-table] tbody").first().textContent();

for (const [kind, { run, files, says }] of Object.entries(READ)) {
  test(`${kind} is read`, async () => {
    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    await by(page, "folder-input").setInputFiles(join(FIXTURES, "field", kind));
    await finished(page);
    await page.getByText(run).first().waitFor();
    if (files) {
      assert.equal(await page.locator("[data-testid=file-table] tbody tr").count(), files);
    }
    if (says) {
      assert.match(await texts(page), says);
    }
    clean(session, opened);
    await opened.context.close();
  });
}

test("axes that nothing tells are asked about", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await by(page, "folder-input").setInputFiles(join(FIXTURES, "field/02d-samples-first"));
  await page.getByText(/which axis of `router_logits`/).first().waitFor();
  await page.getByText("Describe tensors").first().waitFor();
  clean(session, opened);
  await opened.context.close();
});
