/** A request that is as large, as deep or as much work as a client can make it. */
export interface LargeBody {
  readonly name: string;
  readonly path: string;
  readonly body: () => string;
}

/** Bytes of JSON, a little less than a server takes by default. */
const LIMIT = 4 * 2 ** 20 - 4096;

const json = (body: object) => (): string => JSON.stringify(body);

/** Texts of different kinds, of about so many bytes in JSON. */
const TEXTS: Readonly<Record<string, (bytes: number) => string>> = {
  words: bytes => 'hello world '.repeat(bytes / 12),
  'one letter': bytes => 'a'.repeat(bytes),
  ideographs: bytes => '的'.repeat(bytes / 3),
  emoji: bytes => '🦊'.repeat(bytes / 4),
  spaces: bytes => ' '.repeat(bytes),
  points: bytes => 'a.'.repeat(bytes / 2),
  lines: bytes => 'x\\n'.repeat(bytes / 4).replaceAll('\\n', '\n'),
  digits: bytes => '1234567890'.repeat(bytes / 10),
};

/** A value within a value, so many levels deep. */
const nested = (depth: number, open: string, inner: string, close: string): string =>
  open.repeat(depth) + inner + close.repeat(depth);

/** Definitions that each refer twice to the next one. */
function doubling(levels: number): object {
  const definitions: Record<string, object> = {};
  for (let i = 0; i < levels; i++) {
    const next = { $ref: `#/$defs/d${i + 1}` };
    definitions[`d${i}`] = { allOf: [next, next] };
  }
  definitions[`d${levels}`] = { type: 'string' };
  return { $ref: '#/$defs/d0', $defs: definitions };
}

const list = <T>(length: number, of: (index: number) => T): T[] => Array.from({ length }, (_, i) => of(i));

/** For the shipped models, by the kind of work. */
export function largeBodies(): LargeBody[] {
  const bodies: LargeBody[] = [];
  const add = (name: string, path: string, body: object | (() => string)): void => {
    bodies.push({ name, path, body: typeof body === 'function' ? (body as () => string) : json(body) });
  };
  for (const [kind, text] of Object.entries(TEXTS)) {
    const long = text(LIMIT);
    add(`prompt of ${kind}`, '/v1/completions', { prompt: long, max_tokens: 1 });
    add(`text of ${kind}, cut`, '/v1/embeddings', { input: long, truncate: true });
    add(`text of ${kind}, refused`, '/v1/embeddings', { input: long });
    add(`texts of ${kind}`, '/v1/embeddings', { input: list(64, () => text(60_000)), truncate: true });
    add(`text of ${kind}`, '/v1/tokenize', { prompt: long });
    add(`text of ${kind}`, '/tokenize', { inputs: long });
    add(`pair of ${kind}`, '/v1/classify', {
      input: { text: text(LIMIT / 2), text_pair: text(LIMIT / 2) },
      truncate: true,
    });
    add(`documents of ${kind}`, '/v1/rerank', {
      query: text(LIMIT / 2),
      documents: [text(LIMIT / 2)],
      truncate: true,
    });
  }
  add('a million prompts', '/v1/completions', { prompt: list(1_000_000, () => 'a') });
  add('a million ids', '/v1/completions', { prompt: list(1_000_000, () => 5) });
  add('ids to write out', '/v1/completions', {
    prompt: list(500, () => 5),
    echo: true,
    max_tokens: 0,
    logprobs: 1,
  });
  add('a million ids', '/v1/detokenize', { tokens: list(1_000_000, i => 5 + (i % 90)) });
  add('a million ids', '/v1/embeddings', { input: list(1_000_000, () => 5), truncate: true });
  add('lists of ids', '/decode', { ids: list(2000, () => list(500, () => 7)) });
  add('2,048 texts', '/v1/embeddings', {
    input: list(2048, i => `text number ${i} of many`.repeat(20)),
    truncate: true,
  });
  add('2,048 texts', '/embed', { inputs: list(2048, i => `text number ${i}`), truncate: true });
  add('biases', '/v1/completions', {
    prompt: 'a',
    logit_bias: Object.fromEntries(list(200_000, i => [String(i), 1])),
    max_tokens: 1,
  });
  add('stop ids', '/v1/completions', { prompt: 'a', stop_token_ids: list(400_000, i => i), max_tokens: 1 });
  add('a long stop', '/v1/completions', { prompt: 'a', stop: ['b'.repeat(4_000_000)], max_tokens: 1 });
  add('choices', '/v1/completions', {
    prompt: 'a',
    guided_choice: list(4096, i => `choice ${i} `.repeat(60)),
    max_tokens: 1,
  });
  add('an enum', '/v1/completions', {
    prompt: 'a',
    guided_json: { enum: list(100_000, i => `x${i}`) },
    max_tokens: 1,
  });
  add('doubling references', '/v1/completions', { prompt: 'a', guided_json: doubling(30), max_tokens: 1 });
  for (const [name, guided_regex] of Object.entries({
    'nullable parts': '\\p{L}(x?){20000}',
    'many dots': '.{0,5000}',
    'a property a hundred times': '\\p{sc=Cham}'.repeat(100),
    'many properties': list(2000, () => '[\\p{Lu}\\p{Nd}]').join('|'),
    'a long literal': 'ab'.repeat(1_500_000),
    'deep groups': nested(100_000, '(', 'a', ')'),
    'deep repetitions': nested(200, '(', 'a', '+)+'),
  }))
    add(`a regex of ${name}`, '/v1/completions', { prompt: 'a', guided_regex, max_tokens: 1 });
  const deepSchema = nested(60_000, '{"type":"array","items":', '{}', '}');
  add('a deep schema', '/v1/completions', () => `{"prompt":"a","max_tokens":1,"guided_json":${deepSchema}}`);
  add('many properties', '/v1/completions', {
    prompt: 'a',
    guided_json: {
      type: 'object',
      properties: Object.fromEntries(list(50_000, i => [`p${i}`, { type: 'integer' }])),
    },
    max_tokens: 1,
  });
  add('alternatives of alternatives', '/v1/completions', {
    prompt: 'a',
    guided_json: {
      allOf: list(12, () => ({ anyOf: list(12, i => ({ type: 'object', required: [`r${i}`] })) })),
    },
    max_tokens: 1,
  });
  for (const [name, deep] of [
    ['lists', nested(500_000, '[', '1', ']')],
    ['objects', nested(400_000, '{"a":', '1', '}')],
  ] as const) {
    add(`deep ${name}`, '/v1/completions', () => `{"prompt":${deep}}`);
    add(
      `deep ${name} in a field that nobody knows`,
      '/v1/completions',
      () => `{"prompt":"a","max_tokens":1,"unknown":${deep}}`,
    );
    add(`deep ${name}`, '/v1/embeddings', () => `{"input":${deep}}`);
    add(
      `deep ${name}`,
      '/v2/models/kvasir-embed-4m/infer',
      () => `{"inputs":[{"name":"input_ids","shape":[1,1],"datatype":"INT64","data":${deep}}]}`,
    );
  }
  add('a million elements', '/v2/models/kvasir-embed-4m/infer', {
    inputs: [{ name: 'input_ids', shape: [2000, 500], datatype: 'INT64', data: list(1_000_000, () => 5) }],
  });
  return bodies;
}

/** The same for a model with a chat template, by its name. */
export function largeConversations(model: string): LargeBody[] {
  const chat = (name: string, body: object): LargeBody => ({
    name,
    path: '/v1/chat/completions',
    body: json({ model, max_tokens: 1, ...body }),
  });
  const bodies = Object.entries(TEXTS).map(([kind, text]) =>
    chat(`a message of ${kind}`, { messages: [{ role: 'user', content: text(LIMIT) }] }),
  );
  bodies.push(
    chat('many messages', {
      messages: list(60_000, i => ({ role: i % 2 ? 'user' : 'assistant', content: 'hello' })),
    }),
    chat('many parts', {
      messages: [{ role: 'user', content: list(60_000, () => ({ type: 'text', text: 'hello' })) }],
    }),
    chat('many tools', {
      messages: [{ role: 'user', content: 'hello' }],
      tools: list(2000, i => ({
        type: 'function',
        function: { name: `f${i}`, parameters: { type: 'object', properties: { a: { type: 'string' } } } },
      })),
      tool_choice: 'required',
    }),
  );
  return bodies;
}
