import fc from 'fast-check';
import t from 'tap';
import { digitsOf } from '#exact-numbers.js';
import { MAX_JSON_DEPTH, MAX_JSON_KEYS, MAX_JSON_LISTS, parseJson } from '#http/json.js';
import { startServer } from '#test/support/http-server.js';
import { runs } from '#test/support/property-runs.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const refused = (message: RegExp) => ({ code: 'invalid_request', message });

t.test('any JSON is read as JSON.parse reads it, and its values are counted', async t => {
  const count = (value: unknown): number =>
    typeof value === 'object' && value !== null
      ? 1 + Object.values(value).reduce<number>((sum, child) => sum + count(child), 0)
      : 1;
  const property = fc.property(fc.json({ maxDepth: 6 }), text => {
    const parsed = parseJson(text, 'it');
    t.strictSame(parsed.value, JSON.parse(text));
    // An empty list has no comma, and counts as if it had a value.
    const values = count(parsed.value);
    return parsed.count >= values * 0.5 && parsed.count <= values * 2 + 1;
  });
  fc.assert(property, runs(200));
});

t.test('brackets, quotes and backslashes in texts are none', async t => {
  for (const text of ['[[[', ']'.repeat(9), '\\', '\\"[', '"', '\\\\', '{":', '\u2028'])
    t.equal(parseJson(JSON.stringify(text.repeat(300)), 'it').count, 1, text);
});

t.test('depth, lists and keys', async t => {
  t.equal(parseJson(nested(MAX_JSON_DEPTH), 'it').count, MAX_JSON_DEPTH + 1);
  t.throws(() => parseJson(nested(MAX_JSON_DEPTH + 1), 'it'), refused(/^it is more than 256 .* deep$/));
  t.throws(() => parseJson('['.repeat(4_000_000), 'it'), refused(/deep/));
  t.throws(() => parseJson('{"a":'.repeat(800_000), 'it'), refused(/deep/));
  const lists = (count: number): string => `[${Array(count).fill('{}').join()}]`;
  t.ok(parseJson(lists(MAX_JSON_LISTS - 1), 'it'));
  t.throws(() => parseJson(lists(MAX_JSON_LISTS), 'it'), refused(/more than 250000 lists and objects/));
  const keys = (count: number): string => `{${Array.from({ length: count }, (_, i) => `"${i}":0`).join()}}`;
  t.ok(parseJson(keys(MAX_JSON_KEYS), 'it'));
  t.throws(() => parseJson(keys(MAX_JSON_KEYS + 1), 'it'), refused(/more than 50000 keys/));
});

t.test('what is no JSON', async t => {
  for (const text of ['', '{', '"a', '"a\\', 'x', '[1,]', '{"a" 1}'])
    t.throws(() => parseJson(text, 'it'), refused(/^it is not valid JSON$/), text);
});

t.test('any key is taken, and none changes a prototype', async t => {
  for (const text of [
    '{"__proto__":1}',
    '[{"a":[{"__proto__":{"x":1}}]}]',
    '{"constructor":{"prototype":{"x":1}}}',
    '{"__proto__":{"x":12345678901234567890}}',
  ]) {
    const { value } = parseJson(text, 'it');
    t.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)), text);
    t.notOk('x' in {}, 'no object has it');
  }
  const spelled = parseJson('{"\\u005f_proto_\\u005F":12345678901234567890}', 'it').value as object;
  t.strictSame(Object.keys(spelled), ['__proto__']);
  t.equal(Object.getPrototypeOf(spelled), Object.prototype);
  t.equal(digitsOf(spelled, '__proto__'), '12345678901234567890');
});

t.test('digits that a double loses are kept', async t => {
  const lost = ['9007199254740993', '-9223372036854775808', '12345678901234567890', '0.12345678901234567890'];
  const same = [
    '9007199254740992',
    '1000000000000000000000',
    '0.12345678901234567',
    '1.0000000000000000',
    '-0e123456789012345',
  ];
  for (const digits of [...lost, ...same]) {
    const { value } = parseJson(`{"a":[1,"${digits}\\"",{"seed" : ${digits} }]}`, 'it') as {
      value: { a: [number, string, object] };
    };
    t.strictSame(value, { a: [1, `${digits}"`, { seed: Number(digits) }] });
    t.equal(digitsOf(value.a[2], 'seed'), lost.includes(digits) ? digits : undefined, digits);
  }
  const list = parseJson(`[${lost.join(', ')}]`, 'it').value as number[];
  t.strictSame(list, lost.map(Number));
  lost.forEach((digits, index) => t.equal(digitsOf(list, String(index)), digits));
  t.equal(parseJson(lost[0]!, 'it').value, Number(lost[0]));
  for (const text of [
    '[1234567890123456789e]',
    '[12345678901234567890 1]',
    '[012345678901234567890]',
    '{"a":-12345678901234567890',
  ])
    t.throws(() => parseJson(text, 'it'), refused(/^it is not valid JSON$/), text);
});

t.test('over HTTP, in bodies and in texts of JSON within them', async t => {
  const { url } = await startServer(t);
  const post = async (path: string, body: string, type = 'application/json') => {
    const headers = { 'content-type': type, 'inference-header-content-length': String(body.length) };
    const response = await fetch(url + path, { method: 'POST', headers, body });
    return { status: response.status, body: await response.json() };
  };
  const deep = nested(1_000_000);
  const bodies = [
    deep,
    `{"model":"letters","prompt":"a","unknown":${deep}}`,
    `{"model":"letters","prompt":"a","guided_json":${'{"items":'.repeat(60_000)}{}${'}'.repeat(60_000)}}`,
    JSON.stringify({ model: 'letters', prompt: 'a', guided_json: nested(60_000) }),
    '{"model":"letters","prompt":"a","logit_bias":{"__proto__":1}}',
  ];
  for (const body of bodies)
    t.match(
      await post('/v1/completions', body),
      { status: 400, body: { error: { code: 'invalid_request', message: /deep|__proto__/ } } },
      body.slice(0, 60),
    );
  const call = { function: { name: 'f', arguments: `{"a":${nested(60_000)}}` } };
  const messages = [{ role: 'assistant', tool_calls: [call] }];
  t.match(await post('/v1/chat/completions', JSON.stringify({ model: 'letters', messages })), {
    status: 400,
  });
  t.match(await post('/embed', deep), { status: 400, body: { error: /deep/ } });
  t.match(await post('/v2/models/letters/infer', deep), { status: 400, body: { error: /deep/ } });
  t.match(await post('/v1/completions', '\ufeff{"model":"letters","prompt":"a"}'), { status: 200 });
});
