// A client of WebDriver BiDi, the protocol that steers an unmodified Firefox: commands, their results, and events.

/** A session of a browser whose WebSocket listens at `address` (`ws://host:port`). */
export async function connect(address) {
  const socket = new WebSocket(`${address}/session`);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error(`no WebSocket at ${address}`)), { once: true });
  });
  const waiting = new Map();
  const listeners = new Map();
  let last = 0;
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "event") {
      listeners.get(message.method)?.forEach((listener) => listener(message.params));
      return;
    }
    const command = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === "success") {
      command?.resolve(message.result);
    } else {
      command?.reject(new Error(`${command.method}: ${message.error}: ${message.message}`));
    }
  });
  // Without this, a browser that has crashed would leave the test waiting until its time is over.
  socket.addEventListener("close", () => {
    waiting.forEach(({ method, reject }) => reject(new Error(`${method}: the browser closed the connection`)));
    waiting.clear();
  });
  return {
    /** Sends a command and returns its result. */
    send(method, params = {}) {
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) {
          reject(new Error(`${method}: the browser has closed the connection`));
          return;
        }
        waiting.set(id, { method, resolve, reject });
        socket.send(JSON.stringify({ id, method, params }));
      });
    },
    /** Calls the listener for every event of that name, which must be subscribed to. */
    on(method, listener) {
      listeners.set(method, [...(listeners.get(method) ?? []), listener]);
    },
    close: () => socket.close(),
  };
}
