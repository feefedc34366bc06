import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import { Registry } from '#registry/registry.js';
import { generationModel, type GenerationParts } from '#registry/models.js';
import type { GenerationModel } from '#registry/types.js';
import { createServer, type ServerOptions } from '#server.js';
import { FakeEngine } from './fake-engine.js';
import { END, letterTokenizer } from './letter-tokenizer.js';

export { eventData } from './event-data.js';
export { eventually } from './eventually.js';

/** Seconds since the epoch at which the fake models were loaded. */
export const CREATED = 1_700_000_000;

/** A model of letters over a fake engine. */
export function fakeModel(
  id: string,
  engine: FakeEngine = new FakeEngine(),
  fields: Partial<GenerationParts> = {},
): GenerationModel {
  return generationModel({
    id,
    created: CREATED,
    tokenizer: letterTokenizer,
    engine,
    eosIds: new Set([END]),
    bosId: END,
    ...fields,
  });
}

/** A server that listens on a free port until the test ends, with one model called `letters`. */
export async function startServer(
  t: Test,
  options: Partial<ServerOptions> = {},
): Promise<{ app: FastifyInstance; engine: FakeEngine; url: string; port: number }> {
  const engine = new FakeEngine();
  const app = await createServer({ registry: new Registry([fakeModel('letters', engine)]), ...options });
  t.teardown(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { app, engine, url: `http://127.0.0.1:${port}`, port };
}
