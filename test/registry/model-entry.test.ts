import fc from 'fast-check';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { ModelEntry } from '#registry/model-entry.js';
import type { Model, ModelLease } from '#registry/types.js';
import { fakeModel } from '#test/support/http-server.js';
import { runs } from '#test/support/property-runs.js';

const pause = (milliseconds = 0): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds));

/** A source whose loads and unloads end when the test says so. */
class Source {
  readonly id = 'model';
  readonly idleMs: number | undefined;
  loads = 0;
  /** Models that take memory: loading, loaded, or closing. */
  alive = 0;
  most = 0;
  readonly open = new Set<Model>();
  #pending: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #closing: (() => void) | undefined;

  constructor(idleMs?: number) {
    this.idleMs = idleMs;
  }

  load = async (): Promise<Model> => {
    this.loads++;
    this.most = Math.max(this.most, ++this.alive);
    try {
      await new Promise<void>((resolve, reject) => (this.#pending = { resolve, reject }));
    } catch (error) {
      this.alive--;
      throw error;
    }
    const model: Model = {
      ...fakeModel(this.id),
      close: async () => {
        this.open.delete(model);
        await new Promise<void>(resolve => (this.#closing = resolve));
        this.alive--;
      },
    };
    this.open.add(model);
    return model;
  };

  succeed(): void {
    this.#pending?.resolve();
  }

  fail(): void {
    this.#pending?.reject(new KvasirError('invalid_model', 'broken'));
  }

  closed(): void {
    this.#closing?.();
  }
}

t.test('whoever comes while it loads shares the load', async t => {
  const source = new Source();
  const slot = new ModelEntry(source, {});
  t.equal(slot.state, 'unloaded');
  const leases = [slot.acquire(), slot.acquire(), slot.acquire()];
  await pause();
  t.equal(slot.state, 'loading');
  source.succeed();
  const models = (await Promise.all(leases)).map(({ model }) => model);
  t.equal(new Set(models).size, 1);
  t.equal(source.loads, 1);
  t.equal(slot.state, 'loaded');
  t.equal((await slot.acquire()).model, models[0]);
});

t.test('a load that fails gives all its error, and may be tried again', async t => {
  const source = new Source();
  const slot = new ModelEntry(source, {});
  const leases = [slot.acquire(), slot.acquire()];
  await pause();
  source.fail();
  for (const result of await Promise.allSettled(leases))
    t.match(result, { status: 'rejected', reason: { code: 'invalid_model' } });
  t.equal(slot.state, 'failed');
  const again = slot.acquire();
  await pause();
  source.succeed();
  t.ok((await again).model);
  t.equal(source.loads, 2);
});

t.test('a failed load is not repeated at once where that is asked for', async t => {
  let loads = 0;
  const load = async (): Promise<Model> => {
    if (++loads === 1) throw new KvasirError('invalid_model', 'broken');
    return fakeModel('model');
  };
  const patient = new ModelEntry({ id: 'model', retryMs: 60_000, load }, {});
  for (let i = 0; i < 3; i++) await t.rejects(patient.acquire(), { message: 'broken' });
  t.equal(loads, 1);
  t.equal(patient.state, 'failed');
  loads = 0;
  const eager = new ModelEntry({ id: 'model', load }, {});
  await t.rejects(eager.acquire(), { message: 'broken' });
  await eager.acquire();
  t.equal(eager.state, 'loaded');
});

t.test('one that is due at the start is loading until its load has ended, however', async t => {
  for (const end of ['succeed', 'fail'] as const) {
    const source = new Source();
    const slot = new ModelEntry({ id: 'model', atStart: true, load: source.load }, {});
    t.equal(slot.state, 'loading');
    t.ok(slot.isDue);
    const pending = slot.acquire().catch(() => undefined);
    await pause();
    t.ok(slot.isDue);
    source[end]();
    await pending;
    t.notOk(slot.isDue);
    t.equal(slot.state, end === 'fail' ? 'failed' : 'loaded');
  }
});

t.test('what is known of a model may be said later', async t => {
  const { card } = fakeModel('model');
  const slot = new ModelEntry({ id: 'model', load: async () => fakeModel('model') }, {});
  slot.describe({ card });
  t.equal(slot.card, card);
  t.equal(slot.state, 'unloaded');
  slot.describe({ error: new Error('broken') });
  t.equal(slot.state, 'failed');
  (await slot.acquire()).release();
  t.equal(slot.state, 'loaded', 'it was repaired meanwhile');
});

t.test('it is unloaded when it has been idle, never while it is held', async t => {
  const source = new Source(20);
  const slot = new ModelEntry(source, {});
  const pending = slot.acquire();
  await pause();
  source.succeed();
  const first = await pending;
  const second = await slot.acquire();
  first.release();
  first.release();
  await pause(60);
  t.equal(slot.state, 'loaded', 'the second lease holds it, although the first was released twice');
  second.release();
  t.equal(slot.state, 'loaded');
  await pause(60);
  t.equal(slot.state, 'unloaded');
  const again = slot.acquire();
  await pause();
  t.equal(source.loads, 1, 'the next load waits for the memory of the last');
  source.closed();
  await pause();
  source.succeed();
  t.not((await again).model, first.model);
  t.equal(source.loads, 2);
});

t.test('without an idle time it stays', async t => {
  const slot = new ModelEntry(fakeModel('model'), {});
  (await slot.acquire()).release();
  await pause(20);
  t.equal(slot.state, 'loaded');
});

t.test('a model that cannot be closed does not stand in the way of the next load', async t => {
  const failures: unknown[] = [];
  const load = async (): Promise<Model> => ({
    ...fakeModel('model'),
    close: () => Promise.reject(new Error('stuck')),
  });
  const slot = new ModelEntry(
    { id: 'model', idleMs: 1, load },
    { failed: (_, error) => failures.push(error) },
  );
  (await slot.acquire()).release();
  await pause(30);
  t.match(failures, [{ message: 'stuck' }]);
  t.ok((await slot.acquire()).model);
});

t.test('closing, loaded or loading', async t => {
  const source = new Source();
  const slot = new ModelEntry(source, {});
  const pending = slot.acquire();
  await pause();
  const closed = slot.close();
  await t.rejects(slot.acquire(), { code: 'shutting_down' });
  source.succeed();
  await pending;
  await pause();
  source.closed();
  await closed;
  t.equal(source.open.size, 0);
  t.equal(source.alive, 0);
});

t.test(
  'in any order of events there is one model at most, and none is closed that somebody holds',
  async t => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom('acquire', 'release', 'succeed', 'fail', 'closed', 'wait'), { maxLength: 40 }),
      async actions => {
        const source = new Source(1);
        const slot = new ModelEntry(source, {});
        const held: ModelLease[] = [];
        const waiting = new Set<Promise<void>>();
        for (const action of actions) {
          if (action === 'acquire') {
            const pending = slot.acquire().then(
              lease => void held.push(lease),
              () => undefined,
            );
            waiting.add(pending);
            void pending.then(() => waiting.delete(pending));
          } else if (action === 'release') held.pop()?.release();
          else if (action === 'wait') await pause(3);
          else source[action]();
          await pause();
          if (!held.every(({ model }) => source.open.has(model))) throw new Error('a held model was closed');
          if (source.most > 1) throw new Error('two models at once');
        }
        for (const lease of held) lease.release();
        while (waiting.size > 0 || source.alive > 0) {
          source.closed();
          source.succeed();
          await pause(1);
          for (const lease of held.splice(0)) lease.release();
        }
        if (!['unloaded', 'failed'].includes(slot.state)) throw new Error('it was not unloaded in the end');
      },
    );
    await t.resolves(fc.assert(property, runs(60)));
  },
);
