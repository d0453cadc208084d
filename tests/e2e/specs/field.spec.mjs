// Files of the kinds that people have, dropped as folders: read as on the command line, or asked about.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIXTURES, by, clean, empty, exported, finished, launch, open } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

const RUN = "6 samples × 3 checkpoints";

/** Kinds, each with what the page then says of the run and of its files. */
const READ = {
  "04-sglang-choice-ext": { run: RUN },
  "05-sglang-batch-list": { run: RUN },
  "05c-sglang-list-in-jsonl": { run: RUN },
  "06a-nemo-rl-envelope": { run: RUN },
  "06b-prime-rl-no-dtype": { run: RUN },
  "07-appledouble": { run: RUN, files: 3 },
  "08-utf16": { run: RUN, accuracy: 0.4 },
  "09a-csv-pandas-float-step": { run: RUN, accuracy: 0.875 },
  "09c-csv-title-task": { run: RUN, accuracy: 0.875, says: /Global Step/ },
  "10-wandb-export": { run: RUN, accuracy: 0.875 },
  "11-lm-eval-harness": { run: RUN, accuracy: 0.875 },
  "12a-parquet-float16-scores": { run: RUN },
  "12b-parquet-delta": { run: RUN },
  "12c-parquet-duckdb": { run: RUN },
  "13a-npz-fortran": { run: RUN },
  "13c-npz-big-endian": { run: RUN },
  "14a-step-k": { run: RUN, accuracy: 0.875, steps: [50_000, 240_000, 1_195_000] },
  "18-npy-a-layer": { run: "1 sample × 3 checkpoints" },
  "19a-csv-steps-in-one-table": { run: RUN, files: 1 },
  "19c-csv-list-cells": { run: "1 sample × 3 checkpoints" },
  "20a-nan-loss-jsonl": { run: RUN },
  "25a-tp-ranks-jsonl": { run: RUN, says: /the same in several files and count once/ },
  "32-jsonl-steps-in-one-file": { run: RUN, files: 1, says: /records of 3 checkpoints/ },
  "33-parquet-layer-column": { run: RUN },
  "34-two-numbers-in-name": { run: RUN, steps: [1000, 2000, 5000] },
  "37-jsonl-record-a-token": { run: RUN },
  "38-numpy-not-contiguous": { run: RUN, says: /ascontiguousarray/ },
};

/** Kinds that give no figures, each with what the page says of them. */
const NOT_READ = {
  "01-npz-object-arrays": /object array.*pickle/s,
  "02a-tokens-first-safetensors": /which axis of `router_logits`/,
  "02d-samples-first": /which axis of `router_logits`/,
  "03-file-a-sample": /which axis of/,
  "17-peft-adapter": /adapter.*merge/s,
  "24-lfs-pointers": /git lfs pull/,
};

const texts = (page) => page.locator("[data-testid=file-table] tbody").first().textContent();

/** Drops a kind's folder onto an empty page. */
async function dropped(kind) {
  const opened = await open(session);
  await empty(opened.page);
  await by(opened.page, "folder-input").setInputFiles(join(FIXTURES, "field", kind));
  return opened;
}

test("every kind of the fixtures is dropped", () => {
  const kinds = readdirSync(join(FIXTURES, "field")).filter((kind) => kind !== "00-truth");
  assert.deepEqual(kinds.sort(), [...Object.keys(READ), ...Object.keys(NOT_READ)].sort());
});

for (const [kind, { run, files, says, accuracy, steps }] of Object.entries(READ)) {
  test(`${kind} is read`, async () => {
    const opened = await dropped(kind);
    const { page } = opened;
    await finished(page);
    await page.getByText(run).first().waitFor();
    if (files) {
      assert.equal(await page.locator("[data-testid=file-table] tbody tr").count(), files);
    }
    if (says) {
      assert.match(await texts(page), says);
    }
    if (accuracy || steps) {
      const report = JSON.parse(await exported(page));
      if (accuracy) {
        const { values } = report.courses.find(({ metric, domain }) => metric === "accuracy" && domain === "math");
        assert.equal(values.at(-1), accuracy);
      }
      if (steps) {
        assert.deepEqual(report.checkpoints.map(({ step }) => step), steps);
      }
    }
    clean(session, opened);
    await opened.context.close();
  });
}

for (const [kind, reason] of Object.entries(NOT_READ)) {
  test(`${kind} gives no figures, and the page says why`, async () => {
    const opened = await dropped(kind);
    const { page } = opened;
    await page.waitForFunction((reason) => new RegExp(reason, "s").test(document.body.textContent), reason.source);
    await page.locator("h1", { hasText: /^Files$/ }).waitFor();
    clean(session, opened);
    await opened.context.close();
  });
}

test("axes that nothing tells are asked about", async () => {
  const opened = await dropped("02d-samples-first");
  const { page } = opened;
  await page.getByText(/which axis of `router_logits`/).first().waitFor();
  await page.getByText("Describe tensors").first().waitFor();
  clean(session, opened);
  await opened.context.close();
});
