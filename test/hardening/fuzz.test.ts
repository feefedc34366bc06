import t from 'tap';
import { fuzz, type OpenApiDocument } from '#bench/support/reliability/fuzz.js';
import { eventually } from '#test/support/eventually.js';
import { modelOf, startWholeServer } from '#test/support/whole-server.js';

t.test('whatever is sent to whichever route, nothing fails and nothing is left behind', async t => {
  const { app, url, engine, encoders, models } = await startWholeServer(t, 96);
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
  const { operations, statuses, successes, faults } = await fuzz({
    url,
    document,
    models,
    modelOf,
    requests: 2700,
    seed: 20_260_101,
    concurrency: 8,
  });
  const posts = Object.values(document.paths).filter(
    ({ post }) => post?.requestBody?.content['application/json'] !== undefined,
  );
  t.equal(operations, posts.length, 'every route that takes JSON was called');
  t.strictSame(faults.slice(0, 20), []);
  for (const [path, count] of successes) t.ok(count > 0, `${path} answered ${count} times`);
  t.ok((statuses.get(400) ?? 0) > 200);

  await eventually(() => {
    const { running, waiting } = engine.stats();
    return running === 0 && waiting === 0 && encoders.every(({ encoder }) => encoder.running === 0);
  });
  t.equal(engine.stats().activeTokens, 0);
  t.equal(({} as { polluted?: unknown }).polluted, undefined);
  t.equal((await fetch(`${url}/health/live`)).status, 200);
  const completion = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'writer', prompt: 'abc', max_tokens: 4, ignore_eos: true }),
  });
  t.match(await completion.json(), { usage: { completion_tokens: 4 } });
  await app.close();
});
