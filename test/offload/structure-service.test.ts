import t from 'tap';
import { WorkerPool } from '#offload/pool.js';
import { StructureService } from '#offload/structure-service.js';
import { Threads } from '#offload/threads.js';
import type { Structure } from '#structured/index.js';
import { byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';

const { signal } = new AbortController();
const caller = { client: 'me', signal };

/** Counts what goes to the thread. */
class Counting extends WorkerPool {
  jobs = 0;

  override run<T>(...args: Parameters<WorkerPool['run']>): Promise<T> {
    this.jobs++;
    return super.run<T>(...args);
  }
}

const pool = new Counting(new Threads(1, 60_000));
const service = new StructureService(byteLevelTokenizer(), pool);
const enumOf = (length: number): Structure => ({
  kind: 'schema',
  schema: { enum: Array.from({ length }, (_, i) => `x${i}`) },
});
const EXPLODING: Structure = { kind: 'regex', pattern: '\\p{L}(x?){16000}' };

t.test('small structures are compiled at once, others on a thread, once for all who wait', async t => {
  const small = await service.compile({ kind: 'regex', pattern: 'a+' }, caller);
  t.equal(pool.jobs, 0);
  t.notOk(small().complete);
  const makers = await Promise.all([1, 2, 3].map(() => service.compile(enumOf(4000), caller)));
  t.equal(pool.jobs, 1);
  const logits = new Float32Array(byteLevelTokenizer().vocabularySize);
  makers[2]!().mask(logits, new Set([2]), 100);
  t.ok(logits.some(logit => logit === 0) && logits.includes(-Infinity));
});

t.test('others are served while a structure is refused on a thread, and the refusal is kept', async t => {
  const before = pool.jobs;
  const order: string[] = [];
  const hostile = service.compile(EXPLODING, { client: 'hostile', signal }).catch((error: unknown) => {
    order.push('hostile');
    throw error;
  });
  await service.compile({ kind: 'regex', pattern: 'b+' }, caller);
  order.push('mine');
  await t.rejects(hostile, { message: /too complex/ });
  t.strictSame(order, ['mine', 'hostile']);
  t.equal(pool.jobs, before + 1);
  await t.rejects(service.compile(EXPLODING, caller), { message: /too complex/ });
  t.equal(pool.jobs, before + 1);
});

t.test('places of refusals come back from the thread', async t => {
  const properties = { a: { enum: Array.from({ length: 4000 }, (_, i) => `x${i}`) }, b: { not: {} } };
  const refusal = service.compile({ kind: 'schema', schema: { properties } }, caller);
  t.match(await refusal.catch((error: unknown) => error), { pointer: '/properties/b/not' });
});

t.test('whoever goes away while another one waits leaves the work to it', async t => {
  const controller = new AbortController();
  const blocking = service.compile(EXPLODING, { client: 'other', signal }).catch(() => undefined);
  const leaving = service.compile(enumOf(3999), { client: 'me', signal: controller.signal });
  const staying = service.compile(enumOf(3999), caller);
  setImmediate(() => controller.abort());
  await Promise.allSettled([leaving, blocking]);
  t.type(await staying, 'function');
});
