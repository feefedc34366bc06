import { connect } from 'node:net';

/** What the clients are to do. */
export interface StreamingLoad {
  readonly url: string;
  readonly model: string;
  readonly clients: number;
  readonly promptTokens: number;
  /** Tokens that each client asks for. */
  readonly tokens: number;
  /** The same by client, where they are to differ. */
  readonly lengths?: readonly { readonly promptTokens: number; readonly tokens: number }[];
  /** Loads with another number here have other prompts, down to their first token: nothing of them is in a cache. Default 0. */
  readonly salt?: number;
}

/** What one client saw: when each piece of text came, in milliseconds of the clients' clock. */
export interface ObservedStream {
  readonly started: number;
  readonly arrivals: number[];
}

const EVENT = Buffer.from('data: {');
const DONE = Buffer.from('data: [DONE]');

/**
 * One streamed completion. Counts the events as they arrive on the socket, and no more: what a client does with them is its own machine's
 * work, and this one shares the server's.
 */
function stream(load: StreamingLoad, index: number): Promise<ObservedStream> {
  const { url, model, salt = 0 } = load;
  const { promptTokens, tokens } = load.lengths?.[index] ?? load;
  const { hostname, port } = new URL(url);
  const prompt = Array.from(
    { length: promptTokens },
    (_, i) => 300 + ((i * 7919 + index * 104729 + salt * 1299709) % 40000),
  );
  const body = JSON.stringify({
    model,
    prompt,
    max_tokens: tokens,
    temperature: 0,
    ignore_eos: true,
    stream: true,
  });
  const head = [
    'POST /v1/completions HTTP/1.1',
    `host: ${hostname}:${port}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    'connection: close',
  ];
  const started = performance.now();
  const arrivals: number[] = [];
  return new Promise((resolve, reject) => {
    let answer = '';
    let done = false;
    const buffer = Buffer.alloc(65536);
    const read = (size: number): boolean => {
      const now = performance.now();
      const chunk = buffer.subarray(0, size);
      if (answer === '') answer = chunk.toString('latin1', 0, chunk.indexOf('\r\n'));
      for (let at = chunk.indexOf(EVENT); at >= 0; at = chunk.indexOf(EVENT, at + EVENT.length))
        arrivals.push(now);
      done ||= chunk.includes(DONE);
      return true;
    };
    const socket = connect({ host: hostname, port: Number(port), onread: { buffer, callback: read } });
    socket.on('close', () => {
      if (done) resolve({ started, arrivals });
      else reject(new Error(`the stream broke off: ${answer}`));
    });
    socket.on('error', reject);
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  });
}

/**
 * Load for a server, in a process of its own so that it does not disturb the event loop that is measured, and one for all rounds, so that it
 * has warmed up. Gets loads as messages and answers each with what its clients saw.
 */
process.on('message', (load: StreamingLoad) => {
  void Promise.all(Array.from({ length: load.clients }, (_, i) => stream(load, i))).then(
    streams => process.send!(streams),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
