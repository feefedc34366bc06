import t from 'tap';
import { startWholeServer } from '#test/support/whole-server.js';

const { url } = await startWholeServer(t, 512);

const message = { role: 'user', content: 'a' };
const long = 'a'.repeat(70_000);
const fields = (count: number, value: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [String(i), value]));

/** Bodies that are refused for one field, and the beginning of what is said. */
const REFUSED: readonly (readonly [path: string, body: object, fault: RegExp])[] = [
  ['/v1/completions', { prompt: Array(1_000_000).fill('a') }, /^prompt must have at most 1024 items/],
  ['/v1/completions', { prompt: Array(1025).fill([1]) }, /^prompt must have at most 1024 items/],
  ['/v1/completions', { prompt: Array(1_100_000).fill(1) }, /^prompt must have at most 1048576 items/],
  ['/v1/completions', { prompt: Array(1000).fill(1) }, /512/],
  ['/v1/completions', { prompt: [[1], Array(100_000).fill(1)] }, /512/],
  ['/v1/completions', { model: long }, /^model must have at most 1024 characters/],
  ['/v1/completions', { stop: [long] }, /^stop/],
  ['/v1/completions', { cache_salt: long }, /^cache_salt must have at most 1024/],
  ['/v1/completions', { repetition_penalty: 1e39 }, /^repetition_penalty must be <= 100/],
  ['/v1/completions', { repetition_penalty: 0.001 }, /^repetition_penalty must be >= 0.01/],
  [
    '/v1/completions',
    { logit_bias: { '0005': 1, '5': 1 } },
    /^logit_bias has a field "0005", expected a token id/,
  ],
  ['/v1/completions', { logit_bias: fields(1025, 1) }, /^logit_bias must have at most 1024 fields/],
  ['/v1/completions', { guided_regex: long }, /^guided_regex must have at most 16384/],
  ['/v1/completions', { guided_choice: [long] }, /^guided_choice/],
  ['/v1/chat/completions', { messages: Array(4097).fill(message) }, /^messages must have at most 4096 items/],
  [
    '/v1/chat/completions',
    { messages: [{ role: 'user', content: Array(1025).fill({ type: 'text', text: 'a' }) }] },
    /^messages\[0\]\.content/,
  ],
  ...['bos_token', 'messages', 'tools', 'range', 'raise_exception', 'true'].map(
    name =>
      [
        '/v1/chat/completions',
        { messages: [message], chat_template_kwargs: { [name]: 'zz' } },
        new RegExp(`^chat_template_kwargs has a field "${name}", expected`),
      ] as const,
  ),
  ['/v1/responses', { input: Array(4097).fill(message) }, /^input must have at most 4096 items/],
  ['/v1/responses', { input: 'a', metadata: fields(17, 'a') }, /^metadata must have at most 16 fields/],
  ['/v1/embeddings', { input: Array(2049).fill('a') }, /^input must have at most 2048 items/],
  ['/v1/detokenize', { tokens: Array(65_537).fill(1) }, /^tokens must have at most 65536 items/],
  ['/v1/fill-mask', { input: 'a', targets: [long] }, /^targets/],
  [
    '/v1/token-classification',
    { input: 'a', ignore_labels: Array(1025).fill('a') },
    /^ignore_labels must have/,
  ],
];

t.test('what is too long is refused, and the field named, before anything is done with it', async t => {
  for (const [path, body, fault] of REFUSED) {
    const name = `${path} ${JSON.stringify(body).slice(0, 80)}`;
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    t.equal(response.status, 400, name);
    const { error } = (await response.json()) as { error: { message: string } };
    t.match(error.message, fault, name);
    t.ok(error.message.length < 1000, name);
  }
});

t.test('variables of a template that are its own to take', async t => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      messages: [message],
      max_tokens: 1,
      chat_template_kwargs: { enable_thinking: false },
    }),
  });
  t.equal(response.status, 200);
});

t.test('tensors', async t => {
  const infer = async (body: object): Promise<string> => {
    const response = await fetch(`${url}/v2/models/embedding/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    t.equal(response.status, 400);
    return ((await response.json()) as { error: string }).error;
  };
  const input = { name: 'input_ids', datatype: 'INT64', shape: [1, 1], data: [1] };
  t.match(
    await infer({ inputs: [{ ...input, shape: Array(33).fill(1) }] }),
    /^inputs\[0\]\.shape must have at most 32/,
  );
  t.match(await infer({ inputs: [{ ...input, shape: [1e300] }] }), /^inputs\[0\]\.shape\[0\] must be <= /);
  t.match(await infer({ inputs: Array(1025).fill(input) }), /^inputs must have at most 1024 items/);
  t.match(await infer({ inputs: [{ ...input, name: long }] }), /^inputs\[0\]\.name must have at most 1024/);
});
