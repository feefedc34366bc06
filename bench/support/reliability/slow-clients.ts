import { connect } from 'node:net';
import { quantile } from '../statistics.js';

export interface SlowClientsResult {
  /** Connections that the server closed by itself. */
  readonly cut: number;
  /** Longest time that one of them was kept, in milliseconds. */
  readonly longest: number;
  /** Time of an ordinary request meanwhile, in milliseconds. */
  readonly latency: { readonly p50: number; readonly p95: number };
}

/**
 * Opens connections that send a byte of a request now and then (Slowloris), in turn of its headers and of its
 * body, and calls the server as others would until all of them have been closed.
 */
export async function slowClients(port: number, connections: number): Promise<SlowClientsResult> {
  const url = `http://127.0.0.1:${port}/v1/models`;
  const started = performance.now();
  let open = connections;
  let longest = 0;
  const slow = Array.from({ length: connections }, (_, i) => slowClient(port, i % 2 === 0));
  const closed = slow.map(client =>
    client.then(() => {
      open--;
      longest = Math.max(longest, performance.now() - started);
    }),
  );
  const times: number[] = [];
  while (open > 0 && performance.now() - started < 60_000) {
    const begun = performance.now();
    await (await fetch(url)).text();
    times.push(performance.now() - begun);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  const cut = connections - open;
  if (open === 0) await Promise.all(closed);
  return { cut, longest, latency: { p50: quantile(times, 0.5), p95: quantile(times, 0.95) } };
}

function slowClient(port: number, inHeaders: boolean): Promise<void> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    const text = inHeaders
      ? `GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-padding: ${'x'.repeat(10_000)}`
      : `{"model": "${'x'.repeat(10_000)}"}`;
    if (!inHeaders)
      socket.write(
        `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n`,
      );
    let sent = 0;
    const timer = setInterval(() => socket.write(text[sent++]!), 200);
    socket.on('error', () => undefined);
    socket.resume().on('close', () => {
      clearInterval(timer);
      resolve();
    });
  });
}
