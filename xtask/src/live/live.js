// Only on pages of `cargo xtask serve` and `cargo xtask dev`: reloads after a build, and shows what is still being
// built. Text is set through the DOM and styles through CSSOM, both of which the content security policy allows.

const LOADED = new URL(import.meta.url).searchParams.get("v");
const POLL_MS = 700;

const banner = document.createElement("p");
banner.dataset.testid = "build-status";
banner.setAttribute("role", "status");
Object.assign(banner.style, {
  position: "fixed", insetInline: "0", bottom: "0", margin: "0", padding: "0.5em 1em", zIndex: "1000",
  background: "#333", color: "#fff", textAlign: "center", pointerEvents: "none",
});

function show(text) {
  if (text === "") {
    banner.remove();
  } else if (banner.textContent !== text || !banner.isConnected) {
    banner.textContent = text;
    document.body.append(banner);
  }
}

const ENGINE = {
  building: "The checkpoint engine is being built. Checkpoints start when it is ready.",
  failed: "The checkpoint engine could not be built; see the terminal. Checkpoints cannot run.",
  absent: "",
  ready: "",
};

for (;;) {
  let state;
  try {
    state = await (await fetch("./live.json", { cache: "no-store" })).json();
  } catch {
    // The server is stopped, or the page is just being replaced.
  }
  if (state !== undefined) {
    if (state.build !== LOADED) {
      location.reload();
      break;
    }
    show(state.error === "" ? ENGINE[state.engine] : state.error);
    if (!state.watched && state.engine !== "building") {
      break;
    }
  }
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
