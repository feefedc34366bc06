import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { startWholeServer } from '#test/support/whole-server.js';

const PROMPT = 'The same long beginning of a prompt, which is worth to be kept. '.repeat(2);

interface Usage {
  readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
}

const { url } = await startWholeServer(t, 300, { apiKeys: new ApiKeys(['one', 'two']) });

/** Sends the same prompt, and says how many of its tokens were in the cache. */
async function cachedTokens(path: string, key: string, fields: object): Promise<number> {
  const response = await fetch(`${url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ max_tokens: 2, ...fields }),
  });
  t.equal(response.status, 200);
  return ((await response.json()) as Usage).usage.prompt_tokens_details.cached_tokens;
}

for (const [path, prompt] of [
  ['completions', { prompt: PROMPT }],
  ['chat/completions', { messages: [{ role: 'user', content: PROMPT }] }],
] as const)
  t.test(`${path}: prompts are shared with the same key and salt only`, async t => {
    const salt = `${path} salt`;
    t.equal(await cachedTokens(path, 'one', { ...prompt, cache_salt: salt }), 0, 'nobody was here before');
    t.ok((await cachedTokens(path, 'one', { ...prompt, cache_salt: salt })) > 100, 'the same again');
    t.equal(await cachedTokens(path, 'one', { ...prompt, cache_salt: 'another' }), 0, 'another salt');
    t.equal(await cachedTokens(path, 'two', { ...prompt, cache_salt: salt }), 0, 'another key');
    t.equal(await cachedTokens(path, 'one', prompt), 0, 'no salt');
    t.ok((await cachedTokens(path, 'one', { ...prompt, cache_salt: salt })) > 100, 'still there');
  });

t.test('an empty salt is refused', async t => {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer one' },
    body: JSON.stringify({ prompt: 'a', cache_salt: '' }),
  });
  t.equal(response.status, 400);
  t.match(await response.json(), { error: { param: 'cache_salt' } });
});
