// What the service worker keeps, and whether a new version waits.

const ask = (worker, question) => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => resolve(data);
  worker.postMessage({ ask: question }, [port2]);
});

function worker() {
  return globalThis.isSecureContext ? navigator.serviceWorker : undefined;
}

// A service worker that has not taken over after this time is not waited for.
const PATIENCE_MS = 4000;

// The build of this page, as in the addresses of its files.
const BUILD = new URL(document.querySelector("link[rel=stylesheet]")?.href ?? "x:").searchParams.get("v");

// Calls `tell` with what is kept of the page and of engine and example, and with whether a new version waits.
export async function watch(tell) {
  const service = worker();
  if (!service) {
    return;
  }
  const registration = await service.ready;
  const report = async () => {
    const kept = await ask(registration.active, "kept");
    const waiting = registration.waiting && (await ask(registration.waiting, "kept"));
    tell(kept.page, kept.more, Boolean(waiting && waiting.build !== BUILD));
  };
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", report);
  });
  // A page that stays open for days learns of new versions too.
  setInterval(() => registration.update().catch(() => {}), 3600e3);
  await report();
}

// Keeps engine and example. Throws if they cannot be fetched or stored.
export async function keep() {
  const registration = await worker()?.ready;
  const { error } = await ask(registration.active, "keep");
  if (error) {
    throw new Error(error);
  }
}

// A page that is requested while its service worker changes can wait for ever in Chromium: the reload comes after it.
export async function update() {
  const registration = await worker()?.ready;
  const { waiting } = registration ?? {};
  if (waiting) {
    const changed = new Promise((resolve) => {
      worker().addEventListener("controllerchange", resolve, { once: true });
      setTimeout(resolve, PATIENCE_MS);
    });
    const { active } = await Promise.race([ask(waiting, "activate"), changed.then(() => ({}))]);
    await (active && changed);
  }
  location.reload();
}
