// Follows the list of a folder's files: by the events of its server, and by asking again.

let end = () => {};

export function stop() {
  end();
}

// Calls `tell` with the addresses in the list and when each was changed (seconds; none if unknown), or with what failed.
export function follow(folder, seconds, tell) {
  end();
  const index = new URL("index.json", folder);
  let ended = false;
  let events;
  let looking = Promise.resolve();
  const look = async () => {
    try {
      const answer = await fetch(index, { cache: "no-cache" });
      if (!answer.ok) {
        throw new Error(`the server answered with status ${answer.status}`);
      }
      const list = await answer.json();
      const names = Array.isArray(list) ? list : list.files;
      if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
        throw new Error("it lists no files");
      }
      const addresses = names.map((name) => new URL(name, index).href);
      // Files on other servers were not named by the user.
      const inside = addresses.map((address) => address.startsWith(new URL(".", index).href));
      const own = (values) => values.filter((_, at) => inside[at]);
      const times = Array.isArray(list.modified) && list.modified.length === names.length ? list.modified.map(Number) : [];
      if (ended) {
        return;
      }
      tell(own(addresses), times.length > 0 ? own(times) : [], String(list.title ?? ""), "");
      if (!events && typeof list.events === "string") {
        const address = new URL(list.events, index);
        if (address.origin === index.origin) {
          events = new EventSource(address);
          events.onmessage = lookAgain;
        }
      }
    } catch (error) {
      if (!ended) {
        tell([], [], "", error.message || String(error));
      }
    }
  };
  const lookAgain = () => (looking = looking.then(look));
  const timer = setInterval(lookAgain, seconds * 1000);
  end = () => {
    ended = true;
    clearInterval(timer);
    events?.close();
    end = () => {};
  };
  lookAgain();
}
