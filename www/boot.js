// Starts the page. A separate file, because the content security policy forbids inline scripts.

const address = new URL(import.meta.url);

// Until the program has started: files dropped too early are not opened by the browser, and a link shows that it is being
// opened instead of the page without files.
const early = (event) => event.preventDefault();
addEventListener("dragover", early);
addEventListener("drop", early);
document.documentElement.classList.toggle("opening", /[#&]r=./.test(location.hash));

// All URLs of a build have the same `?v=`, so files of two builds never mix.
const ofThisBuild = (file) => new URL(file + address.search, address);

try {
  const { default: init } = await import(ofThisBuild("./app.js"));
  await init({ module_or_path: ofThisBuild("./app_bg.wasm") });
  removeEventListener("dragover", early);
  removeEventListener("drop", early);
} catch (error) {
  showError(error);
}
document.documentElement.classList.remove("opening");

// Registers the service worker, which makes the page work offline. Starts after the page, so as not to slow it down.
if ("serviceWorker" in navigator && window.isSecureContext) {
  try {
    await navigator.serviceWorker.register(new URL("./sw.js", address), { scope: new URL("./", address).pathname });
  } catch (error) {
    // Some browsers refuse in private windows; the page works without it.
    console.info("Grokscope will not work offline here:", error);
  }
}

function showError(error) {
  console.error(error);
  const message = document.createElement("p");
  message.setAttribute("role", "alert");
  message.textContent =
    "Grokscope could not start (" + (error?.message ?? error) + "). " +
    "Reload the page; if that does not help, use a browser from 2023 or later (Chrome 113, Firefox 114, Safari 16.4).";
  document.body.append(message);
}
