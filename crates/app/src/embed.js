// Messages between an embedded page and the page around it. Only the parent's messages count. Reports and files are read
// only after the user has agreed.

const MOST_TEXT = 256 * 1024 * 1024;
const MOST_FILES = 20_000;

function tell(message) {
  // Any parent may receive these messages: they contain no more than the height of the page.
  parent.postMessage(message, "*");
}

// The files of a message; nothing if it has none.
function filesOf({ report, files }) {
  if (typeof report === "string" && report.length <= MOST_TEXT) {
    return [new File([report], "report.json", { type: "application/json" })];
  }
  const sound = Array.isArray(files) && files.length > 0 && files.length <= MOST_FILES && files.every((file) => file instanceof File);
  return sound ? files : undefined;
}

function made(name, text, within) {
  const element = document.createElement(name);
  element.textContent = text;
  within.append(element);
  return element;
}

// Asks before files are read; a later request replaces the question.
function ask(origin, files, isReport, open) {
  document.querySelector(".consent")?.remove();
  const box = document.createElement("section");
  box.className = "consent banner";
  box.setAttribute("role", "alertdialog");
  box.setAttribute("aria-labelledby", "consent-words");
  box.dataset.testid = "embed-consent";
  const host = origin === "null" ? "A page without an address" : origin;
  const what = isReport ? "a report" : files.length === 1 ? "1 file" : `${files.length} files`;
  made("p", `${host} wants to open ${what} here. Nothing is sent back.`, box).id = "consent-words";
  const answers = made("p", "", box);
  answers.className = "buttons";
  const yes = made("button", "Open", answers);
  const no = made("button", "Dismiss", answers);
  yes.className = "primary";
  yes.type = no.type = "button";
  yes.addEventListener("click", (event) => {
    // Only a person's click: a script of this page has no reason to agree.
    if (event.isTrusted) {
      box.remove();
      open(files);
    }
  });
  no.addEventListener("click", () => box.remove());
  document.querySelector("div.root").prepend(box);
  // Not a button: a key that was meant for the host must not agree.
  box.tabIndex = -1;
  box.focus({ preventScroll: true });
}

// Starts the messages; `open` receives files, `theme` the name of a theme.
export function start(open, theme) {
  if (parent === self) {
    return;
  }
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== parent || typeof data !== "object" || data === null) {
      return;
    }
    if (data.type === "grokscope:theme" && typeof data.theme === "string") {
      theme(data.theme);
    } else if (data.type === "grokscope:open") {
      const files = filesOf(data);
      if (files) {
        ask(origin, files, typeof data.report === "string", open);
      }
    }
  });
  // The root is there once the page is rendered.
  requestAnimationFrame(() => {
    const root = document.querySelector("div.root");
    let last = 0;
    new ResizeObserver(() => {
      const height = Math.ceil(root.getBoundingClientRect().height);
      if (height !== last) {
        last = height;
        tell({ type: "grokscope:size", height });
      }
    }).observe(root);
    tell({ type: "grokscope:ready", version: 1 });
  });
}

// Ids and titles of the charts of the view, in pairs.
export function charts() {
  return [...document.querySelectorAll("article.chart[data-testid^=chart-]")].flatMap((chart) => [
    chart.dataset.testid.slice("chart-".length),
    chart.querySelector("h3")?.textContent ?? "",
  ]);
}
