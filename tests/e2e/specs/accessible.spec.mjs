// What axe finds where other specs do not look: every view while presenting, views in the dark, dialogs.

import { after, before, test } from "node:test";

import { PAGE, accessible, by, clean, drawn, empty, finished, give, launch, open, runA, server } from "../harness.mjs";

const VIEWS = ["timeline", "layers", "pathways", "map", "flow", "tokens", "delays", "table", "compare"];
const KEYS = { timeline: "1", layers: "2", pathways: "3", map: "4", flow: "f", tokens: "w", delays: "5", table: "6", compare: "7" };
const CHARTS = ["timeline", "layers", "flow", "tokens", "delays", "compare"];

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** Opens a view by its key and waits for its content. */
async function show(page, name) {
  await page.keyboard.press(KEYS[name]);
  await page.locator(`[data-testid=report][data-view=${name}]`).waitFor();
  if (CHARTS.includes(name)) {
    await drawn(page);
  }
  if (name === "pathways") {
    await page.locator(".aligned .lane").first().waitFor({ state: "attached" });
  }
  if (name === "map") {
    await page.waitForFunction(() => /Mean distance/.test(document.querySelector("[data-testid=map-says]")?.textContent ?? ""));
  }
}

for (const scheme of ["light", "dark"]) {
  test(`every view while presenting, comparisons, and dialogs: ${scheme}`, async () => {
    const opened = await open(session, { context: { colorScheme: scheme, viewport: { width: 1280, height: 720 } } });
    const { page } = opened;
    await empty(page);
    await page.locator("[data-action=address]").click();
    await by(page, "address-dialog").waitFor();
    await accessible(page, `address dialog, ${scheme}`);
    await page.keyboard.press("Escape");
    await give(page, runA());
    await finished(page);
    await give(page, runA());
    await by(page, "second-run-compare").click();
    await page.locator("[data-testid=report][data-view=compare]").waitFor();

    for (const name of ["flow", "tokens", "compare"]) {
      await show(page, name);
      await accessible(page, `${name}, ${scheme}`);
    }
    // Above a view of few elements.
    await show(page, "pathways");
    for (const [key, id, content] of [["d", "export-dialog", ".exports li"], ["q", "code-dialog", "svg.qr"]]) {
      await page.keyboard.press(key);
      await by(page, id).locator(content).first().waitFor();
      await accessible(page, `${id}, ${scheme}`);
      await page.keyboard.press("Escape");
      await by(page, id).waitFor({ state: "hidden" });
    }

    await page.keyboard.press("p");
    await page.locator("div.root.presenting").waitFor();
    for (const name of VIEWS) {
      await show(page, name);
      await accessible(page, `${name} while presenting, ${scheme}`);
    }
    await show(page, "pathways");
    await page.keyboard.press("q");
    await page.locator("svg.qr").waitFor();
    await accessible(page, `QR code while presenting, ${scheme}`);
    clean(session, opened);
    await opened.context.close();
  });

  test(`the question about a link's source: ${scheme}`, async () => {
    const other = await server(() => undefined);
    const address = `${PAGE}#src=${encodeURIComponent(`${other.address}/run/index.json`)}`;
    const opened = await open(session, { address, context: { colorScheme: scheme } });
    const { page } = opened;
    await by(page, "source-dialog").getByText(`${other.address}/run/index.json`).waitFor();
    await accessible(page, `source dialog, ${scheme}`);
    clean(session, opened);
    await opened.context.close();
    await other.close();
  });
}
