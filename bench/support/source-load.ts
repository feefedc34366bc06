/**
 * Load of encoder-decoders over HTTP: sources as ids, a fixed number of tokens back.
 */
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '#test/support/seeded-random.js';
import { ServerProcess } from './server-process.js';

const SLOTS = 64;
/** Tokens of each answer. */
export const TOKENS = 30;

/** A server that is measured. */
export interface Side {
  readonly server: ServerProcess;
  readonly path: string;
  readonly body: (ids: readonly number[], beams: number) => object;
}

export interface Load {
  readonly clients: number;
  readonly beams: number;
  /** Requests of each client. */
  readonly each: number;
}

const random = seededRandom(23);
/** Lengths of sentences as in newspapers; no two are alike, so that nobody knows one already. */
const source = (): number[] =>
  Array.from({ length: 20 + Math.floor(24 * random()) }, () => 10 + Math.floor(40_000 * random()));

function post({ server, path }: Side, body: object): Promise<void> {
  const text = JSON.stringify(body);
  // A connection each: a server that was stopped for a while closes those that were open.
  const options = { agent: false as const, method: 'POST', headers: { 'content-type': 'application/json' } };
  return new Promise((resolve, reject) => {
    const sent = request(server.url + path, options, answer => {
      let said = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (said += piece));
      answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(said))));
    });
    sent.on('error', reject).end(text);
  });
}

/** Tokens/s of whole requests. */
export async function measure(side: Side, { clients, beams, each }: Load): Promise<number> {
  const sources = Array.from({ length: clients * each }, source);
  const began = performance.now();
  const client = async (): Promise<void> => {
    for (let ids = sources.pop(); ids !== undefined; ids = sources.pop())
      await post(side, side.body(ids, beams));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return (clients * each * TOKENS * 1000) / (performance.now() - began);
}

/** Kvasir with a model folder. */
export async function kvasir(folder: string, precision: string): Promise<Side> {
  const command = join(dirname(fileURLToPath(import.meta.url)), '../../src/cli/kvasir.cjs');
  const args = [command, 'serve', `model=${folder}`, '--precision', precision];
  args.push('--slots', String(SLOTS), '--context-length', '128', '--log-level', 'error');
  const server = await ServerProcess.start(
    `Kvasir ${precision}`,
    process.execPath,
    port => [...args, '--port', String(port)],
    '/health/ready',
  );
  const common = { model: 'model', max_tokens: TOKENS, ignore_eos: true, temperature: 0 };
  const search = (beams: number): object =>
    beams > 1 ? { use_beam_search: true, best_of: beams, n: 1 } : {};
  return {
    server,
    path: '/v1/completions',
    body: (prompt, beams) => ({ ...common, prompt, ...search(beams) }),
  };
}
