import t from 'tap';
import { KvasirError } from '#errors.js';
import { Registry } from '#registry/registry.js';
import type { Model } from '#registry/types.js';
import { eventually, fakeModel } from '#test/support/http-server.js';

t.test('models by name and alias', async t => {
  const one = fakeModel('one');
  const registry = new Registry([
    one,
    { id: 'two', aliases: ['deux', 'zwei'], load: async () => fakeModel('two') },
  ]);
  t.equal(registry.entry('one').model, one);
  t.strictSame(
    registry.entries().map(({ id, aliases, state }) => [id, aliases, state]),
    [
      ['one', [], 'loaded'],
      ['two', ['deux', 'zwei'], 'unloaded'],
    ],
  );
  t.equal((await registry.acquire('zwei')).model.id, 'two');
  t.strictSame(
    registry.loaded().map(({ id }) => id),
    ['one', 'two'],
  );
  t.equal(registry.entry('deux'), registry.entry('two'));
  t.throws(() => registry.entry('three'), {
    code: 'model_not_found',
    param: 'model',
    message: /one, two, deux, zwei/,
  });
  await t.rejects(registry.acquire('__proto__'), { code: 'model_not_found' });
});

t.test('no two models have a name in common', async t => {
  const source = (id: string, aliases: string[]) => ({ id, aliases, load: async () => fakeModel(id) });
  t.throws(() => new Registry([fakeModel('a'), fakeModel('a')]), { code: 'invalid_configuration' });
  t.throws(() => new Registry([source('a', ['b']), source('c', ['b'])]), {
    message: 'two models are called b',
  });
  t.throws(() => new Registry([source('a', ['a'])]), { message: 'two models are called a' });
});

t.test('what happens is told', async t => {
  const events: unknown[] = [];
  let broken = true;
  const load = async (): Promise<Model> => {
    if (broken) throw new KvasirError('invalid_model', 'no weights');
    return fakeModel('a');
  };
  const registry = new Registry([{ id: 'a', idleMs: 1, load }]);
  registry.observe({
    loaded: ({ id }, milliseconds) => events.push(['loaded', id, milliseconds >= 0]),
    failed: (id, error) => events.push(['failed', id, (error as Error).message]),
    unloading: ({ id }) => events.push(['unloading', id]),
  });
  await t.rejects(registry.acquire('a'), { code: 'invalid_model' });
  broken = false;
  (await registry.acquire('a')).release();
  await eventually(() => registry.entry('a').state === 'unloaded');
  t.strictSame(events, [
    ['failed', 'a', 'no weights'],
    ['loaded', 'a', true],
    ['unloading', 'a'],
  ]);
  t.equal(registry.entry('a').state, 'unloaded');
});

t.test('a model that failed is passed over as long as there is another', async t => {
  const { card } = fakeModel('any');
  const broken = async (): Promise<Model> => {
    throw new KvasirError('invalid_model', 'no weights');
  };
  const [first, second] = ['first', 'second'].map(id => ({ id, card, load: broken }));
  const registry = new Registry([first!, second!]);
  t.equal(registry.find('complete')?.id, 'first');
  await t.rejects(registry.acquire('first'));
  t.equal(registry.find('complete')?.id, 'second');
  await t.rejects(registry.acquire('second'));
  t.equal(registry.find('complete')?.id, 'first');
});

t.test('it is starting until all that are due have been loaded or have failed', async t => {
  const load = async (): Promise<Model> => fakeModel('a');
  const broken = async (): Promise<Model> => {
    throw new KvasirError('invalid_model', 'no weights');
  };
  t.notOk(new Registry([{ id: 'a', load }]).starting);
  const registry = new Registry([
    { id: 'a', atStart: true, load },
    { id: 'b', atStart: true, load: broken },
    { id: 'c', load },
  ]);
  t.ok(registry.starting);
  await registry.acquire('a');
  t.ok(registry.starting);
  await t.rejects(registry.acquire('b'));
  t.notOk(registry.starting);
});
