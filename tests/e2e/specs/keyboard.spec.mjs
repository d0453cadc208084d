// The page with keys alone: every view, dialog and mode, and where the focus is after each.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { by, clean, downloaded, drawn, empty, finished, give, launch, open, runA } from "../harness.mjs";

const VIEWS = [["layers", "2"], ["pathways", "3"], ["map", "4"], ["flow", "f"], ["tokens", "w"], ["delays", "5"], ["table", "6"]];

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** What has the focus, whether it is on the screen under nothing else, and whether that shows. */
function stop(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const { left, top, right, bottom, width } = element.getBoundingClientRect();
    const [x, y] = [(Math.max(left, 0) + Math.min(right, innerWidth)) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2];
    const there = document.elementFromPoint(x, y);
    return {
      html: element.outerHTML.slice(0, 160),
      nowhere: element === document.body,
      content: element.matches("main"),
      seen: width > 0 && there !== null && (element.contains(there) || there.contains(element)),
      shows: element.matches(":focus-visible") && getComputedStyle(element).outlineStyle !== "none",
    };
  });
}

/** Asserts that the focus is somewhere, and can be seen unless it is on all content. */
async function held(page, what) {
  const { html, nowhere, content, seen, shows } = await stop(page);
  assert.ok(!nowhere, `${what}: nothing has the focus`);
  assert.ok(content || seen, `${what}: hidden is ${html}`);
  assert.ok(content || shows, `${what}: without an outline is ${html}`);
}

/** Waits until what has the focus matches. */
async function focused(page, selector) {
  await page.waitForFunction((selector) => document.activeElement.matches(selector), selector).catch(async (error) => {
    throw new Error(`${selector} has no focus but ${(await stop(page)).html}`, { cause: error });
  });
}

/** Goes on with Tab to what matches; each stop before it can be seen. Past the end of the page is the browser's own bar. */
async function tabTo(page, selector, key = "Tab") {
  const passed = [];
  for (let turn = 0; turn < 150; turn += 1) {
    await page.keyboard.press(key);
    const { html, nowhere } = await stop(page);
    if (!nowhere) {
      await held(page, `on the way to ${selector}`);
      if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) {
        return;
      }
    }
    passed.push(html.slice(0, 60));
  }
  assert.fail(`Tab does not reach ${selector}: ${passed.join(" | ")}`);
}

/** Opens a dialog, goes once round in it, uses it, closes it, with Escape unless by its button, and finds the focus where it was. */
async function dialog(page, id, opens, { content = "h2", use, escape = true } = {}) {
  await held(page, `before ${id}`);
  const origin = await page.evaluateHandle(() => document.activeElement);
  await opens();
  const box = by(page, id);
  await box.locator(content).first().waitFor();
  await focused(page, `#${id} *, #${id}`);
  const first = await page.evaluateHandle(() => document.activeElement);
  for (let turn = 0; ; turn += 1) {
    assert.ok(turn < 150, `${id}: Tab does not come back to where it began`);
    await page.keyboard.press("Tab");
    // The browser's own bar is between the last and the first control.
    const outside = await page.evaluate((id) => {
      const element = document.activeElement;
      return element !== document.body && element.closest("dialog")?.id !== id ? element.outerHTML.slice(0, 160) : null;
    }, id);
    assert.equal(outside, null, `${id}: Tab leaves it`);
    if (!(await stop(page)).nowhere) {
      await held(page, id);
      if (await page.evaluate((first) => document.activeElement === first, first)) {
        break;
      }
    }
  }
  await use?.(box);
  if (!escape) {
    await tabTo(page, `#${id} .dialog-head button`);
  }
  await page.keyboard.press(escape ? "Escape" : "Enter");
  await box.waitFor({ state: "hidden" });
  await page.waitForFunction((origin) => document.activeElement === origin, origin).catch(async (error) => {
    throw new Error(`after ${id}, the focus is on ${(await stop(page)).html}`, { cause: error });
  });
  await held(page, `after ${id}`);
}

/** Waits for a view. */
async function current(page, name) {
  await page.locator(`[data-testid=report][data-view=${name}]`).waitFor();
}

/** The step that the slider shows. */
function step(page) {
  return page.getByRole("group", { name: "Checkpoint" }).locator("output").textContent();
}

/** Presses a key and waits until the slider shows another step. */
async function stepped(page, key) {
  const before = await step(page);
  await page.keyboard.press(key);
  await page.waitForFunction((before) => document.querySelector(".slider[aria-label=Checkpoint] output").textContent !== before, before);
}

test("views, dialogs, sharing, settings and presenting need no mouse", async () => {
  const opened = await open(session, {
    context: { viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] },
    before: (page) => page.addInitScript(() => {
      globalThis.pointers = 0;
      addEventListener("pointerdown", () => (globalThis.pointers += 1), true);
    }),
  });
  const { page } = opened;
  const enter = () => page.keyboard.press("Enter");

  // The page without files.
  await empty(page);
  await tabTo(page, "a.skip");
  await enter();
  await focused(page, "#front");
  await tabTo(page, "[data-action=address]");
  await dialog(page, "address-dialog", enter);
  await dialog(page, "help-dialog", () => page.keyboard.press("?"));
  // A run that is not kept is asked about when it is closed.
  await tabTo(page, "[data-testid=keep-runs]");
  await page.keyboard.press("Space");
  await tabTo(page, "[data-testid=open-example]", "Shift+Tab");
  await enter();
  await finished(page);
  await focused(page, "#main");

  // Views by their buttons.
  await tabTo(page, "[data-testid=view-timeline]");
  for (const [name] of VIEWS) {
    await tabTo(page, `[data-testid=view-${name}]`);
    await enter();
    await current(page, name);
    await focused(page, `[data-testid=view-${name}]`);
  }
  // Views by their keys, also from a control that goes with its view.
  for (const [name, key] of [["timeline", "1"], ...VIEWS]) {
    await page.keyboard.press(key);
    await current(page, name);
    await held(page, `after ${key}`);
    await tabTo(page, ".view :is(button, summary, [tabindex])");
  }

  // Checkpoint and layer, by the sliders and by keys.
  await page.keyboard.press("2");
  await current(page, "layers");
  await drawn(page);
  await tabTo(page, "input[type=range][aria-label=Checkpoint]");
  await stepped(page, "ArrowLeft");
  await stepped(page, "[");
  await stepped(page, "]");
  await focused(page, "input[type=range][aria-label=Checkpoint]");
  const layer = (number) => page.getByRole("group", { name: "Layer", exact: true }).locator("output", { hasText: `layer ${number}` }).waitFor();
  await tabTo(page, "input[type=range][aria-label=Layer]");
  await page.keyboard.press("Home");
  await layer(0);
  await page.keyboard.press("ArrowRight");
  await layer(1);
  await page.keyboard.press("j");
  await layer(2);
  await page.keyboard.press("k");
  await layer(1);
  await held(page, "after the layers");

  // Dialogs, by their buttons and by keys.
  await page.keyboard.press("1");
  await current(page, "timeline");
  await tabTo(page, ".term");
  await dialog(page, "definition", enter);
  await dialog(page, "help-dialog", () => page.keyboard.press("?"));
  await tabTo(page, "[data-testid=share]");
  await dialog(page, "share-dialog", enter, {
    content: "[data-testid=share-length]",
    use: async (box) => {
      await page.waitForFunction(() => document.querySelector("[data-testid=share-link]").value.includes("#r="));
      const before = await box.locator("#share-link").inputValue();
      await tabTo(page, "#share-dialog [type=checkbox]");
      await page.keyboard.press("Space");
      await page.waitForFunction((before) => ![before, ""].includes(document.querySelector("[data-testid=share-link]").value), before);
      await tabTo(page, "#share-dialog button.primary");
      await enter();
      await box.getByText("Link copied.").waitFor();
    },
  });
  assert.equal(await page.evaluate(async () => (await navigator.clipboard.readText()).includes("#r=")), true);
  await dialog(page, "share-dialog", () => page.keyboard.press("s"));
  // One dialog opens another, which returns to where the first was opened.
  await dialog(page, "code-dialog", async () => {
    await page.keyboard.press("s");
    await by(page, "share-link").waitFor();
    await page.waitForFunction(() => document.querySelector("[data-testid=share-link]").value.includes("#r="));
    await focused(page, "#share-dialog *");
    while (!/QR/.test(await page.evaluate(() => document.activeElement.textContent))) {
      await page.keyboard.press("Tab");
    }
    await enter();
  }, { content: "svg.qr" });
  await tabTo(page, "[data-testid=new-run]", "Shift+Tab");
  await dialog(page, "close-dialog", enter);
  await tabTo(page, "[data-testid=settings]");
  await dialog(page, "settings-dialog", enter, {
    use: async () => {
      await tabTo(page, "#settings-dialog .strip button[aria-pressed=false]");
      await enter();
      await page.waitForFunction(() => document.activeElement.getAttribute("aria-pressed") === "true");
      await finished(page);
      await held(page, "after a setting");
    },
  });
  await dialog(page, "settings-dialog", () => page.keyboard.press(","));

  // The tour.
  await page.keyboard.press("g");
  await by(page, "tour-step").getByText(/^1 of/).waitFor();
  await tabTo(page, "[data-testid=tour-next]");
  await enter();
  await by(page, "tour-step").getByText(/^2 of/).waitFor();
  await focused(page, "[data-testid=tour-next]");
  await tabTo(page, "[data-testid=tour-close]");
  await enter();
  await focused(page, "[data-testid=tour]");

  // Presenting, from a control that presenting hides.
  await page.keyboard.press("1");
  await current(page, "timeline");
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  await focused(page, "#main");
  await page.keyboard.press("ArrowRight");
  await current(page, "layers");
  await stepped(page, "ArrowUp");
  await held(page, "while presenting");
  // Escape would also leave full screen, which ends presenting.
  await dialog(page, "code-dialog", () => page.keyboard.press("q"), { content: "svg.qr", escape: false });
  await page.keyboard.press("p");
  await page.locator("div.root:not(.presenting)").waitFor();
  await held(page, "after presenting");

  // A second run, compared. The file chooser is the browser's.
  await tabTo(page, "[data-testid=view-layers]");
  await dialog(page, "second-run", () => give(page, runA()));
  await give(page, runA());
  await focused(page, "#second-run *");
  await tabTo(page, "[data-testid=second-run-compare]");
  await enter();
  await current(page, "compare");
  await drawn(page);
  await focused(page, "[data-testid=view-layers]");
  await page.keyboard.press("1");
  await current(page, "timeline");
  await page.keyboard.press("7");
  await current(page, "compare");

  // Export, then a new run.
  await tabTo(page, "[data-testid=share]", "Shift+Tab");
  await dialog(page, "export-dialog", () => page.keyboard.press("d"), {
    content: ".exports li",
    use: async (box) => {
      await tabTo(page, "#export-dialog button.primary");
      await downloaded(page, { click: enter });
      await box.getByText(/^Download of .* started\.$/).waitFor();
    },
  });
  await tabTo(page, "[data-testid=new-run]", "Shift+Tab");
  await enter();
  await empty(page);
  await focused(page, "#front");
  await tabTo(page, "[data-testid=open-example]");

  assert.equal(await page.evaluate(() => globalThis.pointers), 0);
  assert.equal((await by(page, "errors").textContent()).trim(), "");
  clean(session, opened);
  await opened.context.close();
});
