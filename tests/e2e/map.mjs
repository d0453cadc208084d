// The map of many samples: seconds until all pairs are measured at all checkpoints, on the given backend.
// `GROKSCOPE_PAGE=… CHROME=… GROKSCOPE_GPU=hardware node map.mjs SAMPLES gpu|cpu|auto`; the last line is JSON.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PAGE, by, empty, finished, give, launch, open, picture, trace, view } from "./harness.mjs";

const [samples, backend] = [Number(process.argv[2]), process.argv[3]];
const steps = [1, 2];
const folder = mkdtempSync(join(tmpdir(), "grokscope-map-"));
const session = await launch();
try {
  const files = steps.map((step) => {
    const path = join(folder, `large-${step}.safetensors`);
    writeFileSync(path, trace({ step, samples, layers: 16, experts: 64, domains: ["all"] }));
    return path;
  });
  const { page, wrong } = await open(session, { address: `${PAGE}#backend=${backend}` });
  await empty(page);
  await page.waitForTimeout(1500);
  await give(page, files);
  await finished(page, 600_000);
  const start = performance.now();
  await view(page, "map");
  await page.waitForFunction(
    () => /Mean distance/.test(document.querySelector("[data-testid=map-says]")?.textContent ?? "") && !document.querySelector("[data-testid=map-known]"),
    undefined,
    { timeout: 3_600_000, polling: 20 },
  );
  const seconds = (performance.now() - start) / 1000;
  await picture(page, `map-${samples}-${backend}`);
  const badge = await by(page, "backend-badge").textContent();
  const says = await by(page, "map-says").textContent();
  if (wrong.length > 0) {
    throw new Error(wrong.join("\n"));
  }
  console.log(`${badge}; ${says}`);
  console.log(JSON.stringify({ seconds, pairs: (steps.length * samples * (samples - 1)) / 2 }));
} finally {
  await session.close();
  rmSync(folder, { recursive: true });
}
