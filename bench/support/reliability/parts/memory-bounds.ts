import { connect } from 'node:net';
import { pause, postJson } from '../calls.js';
import { megabytes, seconds, type Checks } from '../checks.js';
import { SHIPPED, shipped } from '../models.js';
import { ServedProcess } from '../served-process.js';

/** Bytes that the README promises for a server with the models that come with Kvasir. */
const RESIDENT = { one: 450e6, many: 600e6 };

const WRITE_TIMEOUT = 5;

/** Milliseconds until an answer that nobody reads is cut off: buffers of both sides are filled first. */
const LONGEST_UNREAD = 20_000;

/** What slow and greedy clients may take from others. */
export async function memoryBounds(checks: Checks): Promise<void> {
  await unfinishedBodies(checks, 'one address', RESIDENT.one, () => '127.0.0.1');
  // Only Linux has the whole network 127.0.0.0/8 without further ado.
  if (process.platform === 'linux')
    await unfinishedBodies(
      checks,
      'an address each',
      RESIDENT.many,
      i => `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`,
    );
  await unreadAnswers(checks);
  await fullLine(checks);
}

const head = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

/** Bodies that are announced and sent but for the last byte. */
async function unfinishedBodies(
  checks: Checks,
  who: string,
  limit: number,
  addressOf: (index: number) => string,
): Promise<void> {
  const server = await ServedProcess.start([...SHIPPED.map(shipped), '--log-level', 'silent']);
  const before = await server.sample();
  const length = 4_194_000;
  const body = Buffer.alloc(length - 1, ' ');
  const statuses: string[] = [];
  const sockets = Array.from({ length: 300 }, (_, i) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', localAddress: addressOf(i) });
    socket.on('error', () => undefined);
    socket.on('data', chunk => statuses.push(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString('latin1'))?.[1] ?? ''));
    socket.write(head('/v1/completions', length));
    socket.write(body);
    return socket;
  });
  let most = before.resident;
  for (let i = 0; i < 40; i++) {
    await pause(200);
    most = Math.max(most, (await server.sample()).resident);
  }
  const answer = await postJson(`${server.url}/v1/completions`, { prompt: 'Once', max_tokens: 4 });
  for (const socket of sockets) socket.destroy();
  await server.end();
  const refused = statuses.filter(status => status === '503').length;
  checks.add(
    `resident memory with 300 unfinished bodies of 4 MB from ${who}, before and at most`,
    megabytes(limit),
    `${megabytes(before.resident)}, ${megabytes(most)}; ${refused} refused with 503`,
    most <= limit,
  );
  checks.add('another request meanwhile', '200', String(answer.status), answer.status === 200);
}

/** Answers that nobody reads. */
async function unreadAnswers(checks: Checks): Promise<void> {
  const server = await ServedProcess.start([
    ...SHIPPED.map(shipped),
    '--write-timeout',
    String(WRITE_TIMEOUT),
    '--log-level',
    'silent',
  ]);
  const stream = { prompt: 'Once', n: 64, max_tokens: 400, logprobs: 5, stream: true, ignore_eos: true };
  const texts = { input: Array.from({ length: 2048 }, (_, i) => `text ${i}`) };
  for (const [name, path, body] of [
    ['a stream', '/v1/completions', stream],
    ['a long answer', '/v1/embeddings', texts],
  ] as const) {
    const text = JSON.stringify(body);
    const took = await untilCut(server.port, head(path, Buffer.byteLength(text)) + text, 2 * LONGEST_UNREAD);
    const { running, waiting } = await server.sample();
    checks.add(
      `${name} that is not read, with write_timeout ${WRITE_TIMEOUT}: cut off after`,
      `${seconds(LONGEST_UNREAD)}, until buffers are full included; nothing runs on`,
      took < Infinity ? `${seconds(took)}; ${running + waiting} run on` : 'never',
      took <= LONGEST_UNREAD && running + waiting === 0,
    );
  }
  await server.end();
}

/** Milliseconds until a connection is cut that sends a request and never reads. */
function untilCut(port: number, request: string, patience: number): Promise<number> {
  return new Promise(resolve => {
    const started = performance.now();
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.write(request);
    // Who does not read learns of the end by writing. The server takes empty lines for none.
    const timer = setInterval(() => socket.write('\r\n'), 100);
    const end = (time: number): void => {
      clearInterval(timer);
      clearTimeout(limit);
      socket.destroy();
      resolve(time);
    };
    const limit = setTimeout(() => end(Infinity), patience);
    socket.on('error', () => end(performance.now() - started));
  });
}

/** Two slots and two places in the line. */
async function fullLine(checks: Checks): Promise<void> {
  const server = await ServedProcess.start([
    shipped('kvasir-stories-3m'),
    '--slots',
    '2',
    '--max-waiting',
    '2',
    '--log-level',
    'silent',
  ]);
  const ask = (n: number, max_tokens = 4): Promise<{ status: number }> =>
    postJson(`${server.url}/v1/completions`, { prompt: 'Once', n, max_tokens, ignore_eos: true });
  const statuses: number[] = [];
  for (const n of [2, 3, 4, 5]) statuses.push((await ask(n)).status);
  checks.add(
    'n of 2, 3, 4 and 5 with 2 slots and max_waiting 2, on an idle server',
    '200, 200, 200, 400',
    statuses.join(', '),
    statuses.join() === '200,200,200,400',
  );
  const long = ask(4, 400);
  await server.until(({ running, waiting }) => running + waiting === 4);
  const { status } = await ask(1);
  checks.add('one more while all places are taken', '429', String(status), status === 429);
  await long;
  const together = await Promise.all(Array.from({ length: 8 }, () => ask(1, 100)));
  const served = together.filter(answer => answer.status === 200).length;
  checks.add('served of eight at once', '4', String(served), served === 4);
  await server.end();

  const none = await ServedProcess.start([
    shipped('kvasir-stories-3m'),
    '--max-waiting',
    '0',
    '--log-level',
    'silent',
  ]);
  const alone = await postJson(`${none.url}/v1/completions`, { prompt: 'Once', max_tokens: 4 });
  await none.end();
  checks.add(
    'a request with max_waiting 0, on an idle server',
    '200',
    String(alone.status),
    alone.status === 200,
  );
}
