// The window of the speaker notes. It follows the page that opened it through a channel whose name is in the address, and
// its buttons drive that page. Everything is set as text.

const channel = new BroadcastChannel(decodeURIComponent(location.hash.slice(1)) || "grokscope-notes");
const part = (id) => document.getElementById(id);
// When presenting started, in milliseconds since 1970; 0 while the page does not present.
let since = 0;

channel.onmessage = ({ data }) => {
  if (typeof data?.place !== "string") {
    return;
  }
  since = Number(data.since) || 0;
  document.documentElement.dataset.theme = data.theme === "dark" ? "dark" : "light";
  for (const name of ["place", "heading", "next"]) {
    part(name).textContent = data[name];
  }
  part("limits").textContent = data.limits ? `Not shown: ${data.limits}` : "";
  part("text").replaceChildren(...data.text.split("\n").map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  }));
  part("play").textContent = data.playing ? "Pause" : "Play";
  tick();
};

const ask = (what) => channel.postMessage({ ask: what });
for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", () => ask(button.dataset.ask));
}
part("reset").addEventListener("click", () => ask("reset"));
addEventListener("keydown", (event) => {
  const asked = { ArrowRight: "next", PageDown: "next", ArrowLeft: "previous", PageUp: "previous" }[event.key];
  if (asked && !event.ctrlKey && !event.metaKey && !event.altKey) {
    ask(asked);
    event.preventDefault();
  }
});

function tick() {
  const seconds = since > 0 ? Math.max(0, Math.floor((Date.now() - since) / 1000)) : 0;
  const pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  part("elapsed").textContent = hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}
setInterval(tick, 500);
ask("state");
