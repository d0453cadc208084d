// Speaker notes: opens their window, tells it what the page shows, and passes on what its buttons ask for.

const name = `grokscope-notes-${Math.random().toString(36).slice(2)}`;
let channel;
let opened = -Infinity;
// When presenting started, in milliseconds since 1970; 0 before.
let since = 0;
let was = false;
let state;

const send = () => channel?.postMessage({ ...state, since, theme: document.documentElement.dataset.theme });

export function open(drive) {
  channel?.close();
  channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }) => {
    if (data?.ask === "reset") {
      since = Date.now();
    } else if (["next", "previous", "play"].includes(data?.ask)) {
      drive(data.ask);
    }
    // A window that was loaded again asks for the state.
    send();
  };
  opened = performance.now();
  const page = new URL(`notes.html#${name}`, document.baseURI);
  return window.open(page, name, "popup,width=560,height=720") !== null;
}

export function opening() {
  return performance.now() - opened < 2000;
}

export function tell(place, heading, text, limits, next, presenting, playing) {
  if (presenting !== was) {
    since = presenting ? Date.now() : 0;
    was = presenting;
  }
  state = { place, heading, text, limits, next, playing };
  send();
}
