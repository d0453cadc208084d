// A slow network, which the browser imitates.

/** Bytes per second of 1.6 Mbit/s, and milliseconds to the first byte. */
const SLOW = { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
const USUAL = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };

/** Slows the page's requests down; the result ends that. */
export async function slowed(page) {
  const tools = await page.context().newCDPSession(page);
  await tools.send("Network.enable");
  await tools.send("Network.emulateNetworkConditions", SLOW);
  return () => tools.send("Network.emulateNetworkConditions", USUAL);
}
