// A large run dropped on the page: seconds to the whole report, and the most memory that the page's process had. Page and
// workers share one process, so that this is more than any worker had.
// `node bench.mjs FOLDER`; the last line is JSON. `cargo xtask bench run` calls it.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { by, empty, give, launch, open } from "./harness.mjs";

const folder = process.argv[2];
const files = readdirSync(folder).filter((name) => name.endsWith(".safetensors")).map((name) => join(folder, name));

const session = await launch();
try {
  const opened = await open(session);
  const { page, wrong } = opened;
  await empty(page);
  await page.waitForTimeout(1500);

  await page.evaluate(() => {
    document.querySelector("[data-testid=file-input]").addEventListener("change", () => (globalThis.given = performance.now()), true);
    new MutationObserver(() => {
      if (!globalThis.reported && document.querySelector("[data-testid=report][data-complete=true]")) {
        globalThis.reported = performance.now();
      }
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await give(page, files);
  await page.waitForFunction(() => globalThis.reported, undefined, { timeout: 600_000, polling: 250 });
  const seconds = await page.evaluate(() => (globalThis.reported - globalThis.given) / 1000);
  const errors = (await by(page, "errors").textContent()).trim();
  if (errors !== "" || wrong.length > 0) {
    throw new Error([errors, ...wrong].join("\n"));
  }
  const memory = await peakOfRenderers();
  console.log(JSON.stringify({ seconds, memory }));
} finally {
  await session.close();
}

// Bytes, from what the system keeps of each process; null where the system keeps nothing of the kind.
async function peakOfRenderers() {
  const cdp = await session.browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  const peaks = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    try {
      const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, "utf8"));
      return Number(kibibytes) * 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...peaks) || null;
}
