import { connect, type Socket } from 'node:net';
import { seededRandom } from '#test/support/seeded-random.js';

export interface AbortingOptions {
  readonly port: number;
  /** A model that writes text. */
  readonly model: string;
  /** How many connections are open at once. */
  readonly connections: number;
  readonly milliseconds: number;
  readonly seed: number;
}

export interface AbortingResult {
  /** Streams that were begun. */
  readonly streams: number;
  /** Those of them that were read to their end. */
  readonly complete: number;
  /** Those that were refused with 429. */
  readonly refused: number;
  /** What must not be: other statuses, streams that break off by themselves. */
  readonly faults: readonly string[];
}

/** Ways to leave: at once, after the request, in the middle of the answer, or not at all. */
const WAYS = ['headers', 'body', 'soon', 'middle', 'middle', 'half-close', 'reset', 'stay'] as const;

/** Opens streams on many connections for a while, and leaves most of them in one of several rude ways. */
export async function abortingClients(options: AbortingOptions): Promise<AbortingResult> {
  const { port, model, connections, milliseconds, seed } = options;
  const result = { streams: 0, complete: 0, refused: 0, faults: [] as string[] };
  const end = performance.now() + milliseconds;
  const client = async (index: number): Promise<void> => {
    const random = seededRandom(seed + index);
    while (performance.now() < end) {
      const way = WAYS[Math.floor(random() * WAYS.length)]!;
      const patience = random() * 1500;
      const body = JSON.stringify({
        model,
        prompt: Array.from({ length: 1 + Math.floor(random() * 40) }, () => 5 + Math.floor(random() * 200)),
        max_tokens: way === 'stay' ? 20 : 400,
        n: random() < 0.1 ? 3 : 1,
        ignore_eos: true,
        stream: random() < 0.9,
      });
      result.streams++;
      const answer = await converse(port, body, way, patience);
      const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
      if (status === '429') result.refused++;
      else if (status !== undefined && status !== '200') result.faults.push(answer.slice(0, 300));
      else if (way === 'stay') {
        if (/data: \[DONE\]\n\n|"finish_reason":"length"/.test(answer)) result.complete++;
        else result.faults.push(`a stream broke off: ${answer.slice(-300)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, i) => client(i)));
  return result;
}

/** @returns what came back until one side closed. */
function converse(port: number, body: string, way: (typeof WAYS)[number], patience: number): Promise<string> {
  return new Promise(resolve => {
    let answer = '';
    const socket: Socket = connect(port, '127.0.0.1');
    const leave = (): void => void socket.destroy();
    const timer = setTimeout(() => {
      if (way === 'middle') leave();
      if (way === 'reset') socket.resetAndDestroy();
    }, patience);
    socket
      .on('error', () => undefined)
      .on('data', chunk => {
        answer += chunk.toString('latin1');
        if (way === 'soon') leave();
      })
      .on('close', () => {
        clearTimeout(timer);
        resolve(answer);
      });
    const head = `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    if (way === 'headers') socket.write(head.slice(0, 60), leave);
    else if (way === 'body') socket.write(head + body.slice(0, body.length / 2), leave);
    else if (way === 'half-close') socket.end(head + body);
    else socket.write(head + body);
  });
}
