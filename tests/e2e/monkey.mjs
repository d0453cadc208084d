// A monkey test: files, buttons, keys and views in random order, each before the last has finished. It looks for uncaught
// errors and stopped workers. Run it manually against a page that is being served:
//
//   GROKSCOPE_PAGE=http://127.0.0.1:8080/ CHROME=/usr/bin/chromium node monkey.mjs [SECONDS [SEED]]
//
// The same seed repeats the same actions with different timing. GROKSCOPE_GPU=on enables WebGPU in software.

import { readdirSync } from "node:fs";
import { join } from "node:path";

import { FIXTURES, by, empty, give, launch, made, open, runA, trace } from "./harness.mjs";

const DEMO = join(FIXTURES, "demo-run");
const STEPS = readdirSync(DEMO).filter((name) => name.startsWith("step"));
const KEYS = ["1", "2", "3", "4", "5", "6", "p", "t", "s", "?", "ArrowRight", "ArrowLeft", "j", "k", "f", "d", " ", "g", "m", "[", "]"];
// Buttons that leave the page or open the browser's own dialogs.
const AVOIDED = /Clear|Open|Choose/;
const BAD = /The worker stopped|does not understand/;

const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? Date.now() % 100_000);
let state = seed >>> 0;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const below = (count) => Math.floor(random() * count);
const pick = (list) => list[below(list.length)];

const session = await launch();
const opened = await open(session);
const { page } = opened;
await empty(page);

const click = (target) => target.dispatchEvent("click", {}, { timeout: 400 });

/** Clicks a random match, if there is one. */
async function one(found) {
  const count = await found.count();
  if (count > 0) {
    await click(found.nth(below(count)));
  }
}

const ACTIONS = {
  large: () => give(page, [made(`step-${below(6)}.safetensors`, trace({ step: below(6), samples: 300 + below(700), layers: 16, experts: 64 }))]),
  small: () => give(page, [made(`s/step-${below(6)}.safetensors`, trace({ step: below(6), samples: 50, layers: 4, experts: 16 }))]),
  run: () => give(page, runA()),
  junk: () => give(page, [made("x.csv", Buffer.from("a,b\n1,2\n"))]),
  checkpoint: () => by(page, "folder-input").setInputFiles(join(DEMO, pick(STEPS))),
  samples: () => give(page, [join(DEMO, "samples.jsonl")]),
  answer: () => one(page.locator("[data-testid^=second-run-]")),
  cancel: () => one(by(page, "cancel")),
  remove: () => one(page.getByRole("button", { name: /^Remove/ })),
  view: () => one(page.locator("[data-testid^=view-]")),
  key: () => page.keyboard.press(pick(KEYS)),
  async button() {
    const all = page.locator("button:visible");
    const count = await all.count();
    const button = all.nth(below(count || 1));
    if (count > 0 && !AVOIDED.test(await button.textContent({ timeout: 400 }))) {
      await click(button);
    }
  },
  async select() {
    const all = page.locator("select:visible");
    const count = await all.count();
    if (count > 0) {
      const chosen = all.nth(below(count));
      await chosen.selectOption({ index: below((await chosen.locator("option").count()) || 1) }, { timeout: 400 });
    }
  },
  resize: () => page.setViewportSize({ width: 400 + below(1200), height: 500 + below(500) }),
  async mouse() {
    await page.mouse.move(below(1200), below(700));
    await page.mouse.wheel(0, below(600) - 300);
  },
  wait: () => page.waitForTimeout(below(1500)),
};
const FREQUENT = ["button", "key", "view", "select", "wait"];
const actions = [...Object.keys(ACTIONS), ...FREQUENT, ...FREQUENT];

const done = [];
let bad = [];
const end = Date.now() + 1000 * seconds;
while (Date.now() < end && bad.length === 0) {
  const name = pick(actions);
  // The element may disappear before it is clicked.
  await ACTIONS[name]().catch(() => {});
  done.push(name);
  if (random() < 0.15) {
    await page.keyboard.press("Escape");
  }
  await page.waitForTimeout(below(60));
  bad = [...opened.wrong, ...(await page.getByText(BAD).allTextContents())];
}
const alive = await Promise.race([page.evaluate(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 5000))]);
await session.close();
console.log(`seed ${seed}: ${done.length} actions`);
if (bad.length > 0 || !alive) {
  console.log(`after ${done.slice(-12).join(", ")}:`);
  console.log(alive ? bad.join("\n") : "the page no longer responds");
  process.exit(1);
}
