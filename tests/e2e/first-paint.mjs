// Milliseconds to the first contentful paint on a slow network: `node first-paint.mjs [TIMES]`. The last line is JSON.

import { PAGE, launch, open } from "./harness.mjs";
import { slowed } from "./slow-network.mjs";

const times = Number(process.argv[2] ?? 5);
const session = await launch();
try {
  const paints = [];
  for (let turn = 0; turn < times; turn += 1) {
    // A profile of its own each time, so that nothing is in a cache.
    const { page, context } = await open(session, { address: "about:blank", context: { viewport: { width: 1280, height: 720 } } });
    await slowed(page);
    await page.goto(PAGE, { waitUntil: "commit" });
    const entry = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    paints.push(Math.round(await entry.jsonValue()));
    await context.close();
  }
  paints.sort((one, other) => one - other);
  console.log(JSON.stringify({ first_contentful_paint: paints, median: paints[Math.floor(times / 2)] }));
} finally {
  await session.close();
}
