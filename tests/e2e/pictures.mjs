// Pictures of every view, for people to look at: `cargo xtask pictures` writes them to docs/images/views. They are of the
// example run; those of the comparison have a second run beside it.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";

import { by, drawn, empty, finished, give, launch, open, runA } from "./harness.mjs";

const FOLDER = new URL("../../docs/images/views/", import.meta.url);
const SIZES = [[1280, 720], [1440, 900], [390, 844]];
const VIEWS = [["timeline", "1"], ["layers", "2"], ["pathways", "3"], ["map", "4"], ["flow", "f"], ["tokens", "w"], ["delays", "5"], ["table", "6"]];
const QUALITY = 0.7;

/** Writes what the page shows, as WebP, which Playwright does not write. */
async function picture(page, name) {
  const png = await page.screenshot({ animations: "disabled" });
  const encoder = await page.context().newPage();
  const webp = await encoder.evaluate(async ([png, quality]) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/webp", quality });
    return btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(""));
  }, [png.toString("base64"), QUALITY]);
  await encoder.close();
  writeFileSync(new URL(`${name}.webp`, FOLDER), Buffer.from(webp, "base64"));
}

/** Waits until the view is there and all that it draws is drawn. */
async function shown(page, name) {
  await page.locator(`main[data-view=${name}]`).waitFor();
  if (["timeline", "layers", "delays", "flow", "tokens", "compare"].includes(name)) {
    await drawn(page);
  }
  if (name === "pathways") {
    // While presenting, the list of samples is hidden.
    await page.locator(".picker .samples li").first().waitFor({ state: "attached" });
    await page.locator(".aligned .lane").first().waitFor({ state: "attached" });
  }
  if (name === "map") {
    await page.waitForFunction(() => /Mean distance/.test(document.querySelector("[data-testid=map-says]")?.textContent ?? ""));
  }
  // The work that a view starts is done.
  await by(page, "progress").waitFor({ state: "detached" });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

async function pictures(page, theme) {
  for (const [name, key] of VIEWS) {
    await page.keyboard.press(key);
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      await shown(page, name);
      await picture(page, `${name}-${width}-${theme}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  for (const [name, key] of VIEWS) {
    await page.keyboard.press(key);
    await shown(page, name);
    await picture(page, `presenting-${name}-${theme}`);
  }
  await page.keyboard.press("p");
  await page.locator("div.root:not(.presenting)").waitFor();
  await give(page, runA());
  await by(page, "second-run-compare").click();
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    await shown(page, "compare");
    await picture(page, `compare-${width}-${theme}`);
  }
}

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const session = await launch();
for (const theme of ["light", "dark"]) {
  const { page, context } = await open(session, { context: { viewport: { width: 1280, height: 720 }, colorScheme: theme } });
  await empty(page);
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    await picture(page, `empty-${width}-${theme}`);
  }
  await by(page, "open-example").click();
  await finished(page);
  await pictures(page, theme);
  await context.close();
}
await session.close();
