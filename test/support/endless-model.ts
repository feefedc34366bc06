import type { GenerationModel } from '#registry/types.js';
import { delta, FakeEngine, untilAborted } from './fake-engine.js';
import { fakeModel } from './http-server.js';

/** A model whose texts are one letter, and never end by themselves. */
export function endlessModel(): { engine: FakeEngine; model: GenerationModel } {
  const engine = new FakeEngine(async function* (_request, signal) {
    yield delta('a');
    await untilAborted(signal);
  });
  return { engine, model: fakeModel('endless', engine) };
}
