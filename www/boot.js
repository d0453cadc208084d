// Starts the page. A file of its own, so that the page needs no inline script.

const address = new URL(import.meta.url);

// Every address of one build ends in the same `?v=`: files of two builds never mix.
const ofThisBuild = (file) => new URL(file + address.search, address);

try {
  const { default: init } = await import(ofThisBuild("./app.js"));
  await init({ module_or_path: ofThisBuild("./app_bg.wasm") });
} catch (error) {
  tell(error);
}

// Opens without a network after the first visit. Waits until the page stands, so as not to compete with it.
if ("serviceWorker" in navigator && window.isSecureContext) {
  try {
    await navigator.serviceWorker.register(new URL("./sw.js", address), { scope: new URL("./", address).pathname });
  } catch (error) {
    // Some browsers refuse in private windows. The page works without.
    console.info("Grokscope will not open offline here:", error);
  }
}

function tell(error) {
  console.error(error);
  const message = document.createElement("p");
  message.setAttribute("role", "alert");
  message.textContent =
    "Grokscope could not start (" + (error?.message ?? error) + "). " +
    "Reload the page; if that does not help, use a browser of 2023 or later (Chrome 113, Firefox 114, Safari 16.4).";
  document.body.append(message);
}
