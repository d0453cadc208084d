// A proxy that logs and refuses every request: browsers of the tests send it what is meant for other machines.

import http from "node:http";

/** Starts it on a free port of this machine. */
export async function requestLog() {
  const outside = [];
  const server = http.createServer((request, answer) => {
    outside.push(`${request.method} ${request.url}`);
    answer.writeHead(403).end();
  });
  server.on("connect", (request, socket) => {
    outside.push(`CONNECT ${request.url}`);
    // The client may disconnect before the response.
    socket.on("error", () => {});
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    /** Requests so far. */
    outside,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
