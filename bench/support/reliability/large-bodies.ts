import { EXPRESSIONS, SCHEMAS } from './hostile-structures.js';
import { BODY_LIMIT, list, TEXTS } from './large-values.js';

/** A request that is as large, as deep or as much work as a client can make it. */
export interface LargeBody {
  readonly name: string;
  readonly path: string;
  readonly body: () => string | Buffer;
  /** Beside the length; by default it is JSON. */
  readonly headers?: Readonly<Record<string, string>>;
}

const json = (path: string, name: string, body: object): LargeBody => ({
  name,
  path,
  body: () => JSON.stringify(body),
});

/** Bodies that are much work because of what they say, for the models of `models.ts`. */
export function largeBodies(): LargeBody[] {
  return [...texts(), ...manyValues(), ...structures(), ...tensors()];
}

/** Long texts of each kind, for every route that reads text. */
function texts(): LargeBody[] {
  return Object.entries(TEXTS).flatMap(([kind, text]) => {
    const long = text(BODY_LIMIT);
    const half = text(BODY_LIMIT / 2);
    const context = text(99_000).slice(0, 99_000);
    return [
      json('/v1/completions', `a prompt of ${kind}`, { prompt: long, max_tokens: 1 }),
      json('/v1/chat/completions', `a message of ${kind}`, {
        model: 'writer',
        messages: [{ role: 'user', content: long }],
        max_tokens: 1,
      }),
      json('/v1/responses', `a message of ${kind}`, { model: 'writer', input: long, max_output_tokens: 1 }),
      json('/v1/embeddings', `a text of ${kind}, refused`, { input: long }),
      json('/v1/embeddings', `a text of ${kind}, cut`, { input: long, truncate: true }),
      json('/v1/embeddings', `texts of ${kind}, cut`, {
        input: list(64, () => text(60_000)),
        truncate: true,
      }),
      json('/v1/tokenize', `a text of ${kind}`, { prompt: long }),
      json('/tokenize', `a text of ${kind}`, { model: 'kvasir-embed-4m', inputs: long }),
      json('/embed', `a text of ${kind}, cut on the left`, {
        inputs: long,
        truncate: true,
        truncation_direction: 'left',
      }),
      json('/predict', `a pair of ${kind}`, { inputs: [[half, half]], truncate: true }),
      json('/similarity', `sentences of ${kind}`, {
        inputs: { source_sentence: half, sentences: [half] },
        parameters: { truncate: true },
      }),
      json('/v1/classify', `a pair of ${kind}`, {
        input: { text: half, text_pair: half },
        truncate: true,
      }),
      json('/v1/rerank', `a query and a document of ${kind}`, {
        query: half,
        documents: [half],
        truncate: true,
      }),
      json('/v1/score', `a pair of ${kind}`, { text_1: half, text_2: half, truncate: true }),
      json('/v1/token-classification', `a text of ${kind}, in windows`, {
        input: context,
        stride: 200,
        aggregation_strategy: 'average',
      }),
      json('/v1/token-classification', `a long text of ${kind}, in windows`, { input: long, stride: 509 }),
      json('/v1/fill-mask', `a text of ${kind}`, { input: `[MASK] ${half}`, truncate: true }),
      json('/v1/question-answering', `a context of ${kind}`, {
        question: 'who',
        context,
        doc_stride: 500,
        top_k: 100,
        max_answer_len: 512,
      }),
    ];
  });
}

/** Lists that are long, and answers that are. */
function manyValues(): LargeBody[] {
  const tool = (i: number): object => ({
    type: 'function',
    function: { name: `f${i}`, parameters: { type: 'object', properties: { a: { type: 'string' } } } },
  });
  const chat = (name: string, body: object): LargeBody =>
    json('/v1/chat/completions', name, { model: 'writer', max_tokens: 1, ...body });
  const hello = [{ role: 'user', content: 'hello' }];
  return [
    json('/v1/completions', 'a million prompts', { prompt: list(1_000_000, () => 'a') }),
    json('/v1/completions', 'a million ids', { prompt: list(1_000_000, () => 5) }),
    json('/v1/completions', 'ids to write out', {
      prompt: list(500, () => 5),
      echo: true,
      max_tokens: 0,
      logprobs: 5,
    }),
    json('/v1/completions', 'a thousand prompts to write out', {
      prompt: list(1000, () => list(300, () => 5)),
      echo: true,
      max_tokens: 0,
      logprobs: 5,
    }),
    json('/v1/completions', 'biases', {
      prompt: 'a',
      logit_bias: Object.fromEntries(list(200_000, i => [String(i), 1])),
      max_tokens: 1,
    }),
    json('/v1/completions', 'stop ids', {
      prompt: 'a',
      stop_token_ids: list(400_000, i => i),
      max_tokens: 1,
    }),
    json('/v1/completions', 'a long stop', { prompt: 'a', stop: ['b'.repeat(4_000_000)], max_tokens: 1 }),
    json('/v1/detokenize', 'ids', { tokens: list(65_536, i => 5 + (i % 90)) }),
    json('/v1/embeddings', 'a million ids', { input: list(1_000_000, () => 5), truncate: true }),
    json('/v1/embeddings', '2,048 texts', {
      input: list(2048, i => `text number ${i} of many`.repeat(20)),
      truncate: true,
    }),
    json('/embed', '2,048 texts', { inputs: list(2048, i => `text number ${i}`), truncate: true }),
    json('/decode', 'lists of ids', { ids: list(2000, () => list(500, () => 7)) }),
    json('/v1/score', '2,048 pairs', { text_1: 'a', text_2: list(2048, i => `b ${i} `.repeat(200)) }),
    json('/v1/token-classification', '2,048 texts', {
      input: list(2048, () => 'a b c d '.repeat(200)),
      stride: 0,
    }),
    json('/v1/fill-mask', 'a thousand targets', {
      input: '[MASK]'.repeat(64),
      targets: list(1000, i => String.fromCharCode(97 + (i % 26))),
      top_k: 100,
    }),
    chat('many messages', {
      messages: list(60_000, i => ({ role: i % 2 ? 'user' : 'assistant', content: 'hello' })),
    }),
    chat('as many messages as allowed', {
      messages: list(4096, i => ({ role: i % 2 ? 'user' : 'assistant', content: 'hello '.repeat(150) })),
    }),
    chat('many parts', {
      messages: [{ role: 'user', content: list(1024, () => ({ type: 'text', text: 'hello '.repeat(600) })) }],
    }),
    chat('long arguments of calls', {
      messages: [
        ...hello,
        {
          role: 'assistant',
          tool_calls: list(128, i => ({
            id: `${i}`,
            type: 'function',
            function: { name: 'f', arguments: JSON.stringify({ a: list(9000, () => 1) }) },
          })),
        },
      ],
    }),
    chat('as many tools as allowed', { messages: hello, tools: list(128, tool), tool_choice: 'required' }),
    chat('many tools', { messages: hello, tools: list(2000, tool), tool_choice: 'required' }),
    chat('long variables of the template', {
      messages: hello,
      chat_template_kwargs: { a: list(1_000_000, () => 1) },
    }),
  ];
}

/** Structures that are hard to compile, by each way that there is to send one. */
function structures(): LargeBody[] {
  const text = (path: string, name: string, before: object, field: string, schema: string): LargeBody => ({
    name,
    path,
    // Some are too deep for JSON.stringify.
    body: () => JSON.stringify({ ...before, [field]: '\u2603' }).replace('"\u2603"', () => schema),
  });
  const hello = { model: 'writer', messages: [{ role: 'user', content: 'hello' }], max_tokens: 1 };
  const schemas = Object.entries(SCHEMAS).flatMap(([kind, schema]) => [
    text('/v1/completions', `a schema of ${kind}`, { prompt: 'a', max_tokens: 1 }, 'guided_json', schema),
    text(
      '/v1/chat/completions',
      `a response format of ${kind}`,
      hello,
      'response_format',
      `{"type":"json_schema","json_schema":{"name":"a","schema":${schema}}}`,
    ),
    text(
      '/v1/chat/completions',
      `a tool with ${kind}`,
      { ...hello, tool_choice: 'required' },
      'tools',
      `[{"type":"function","function":{"name":"f","parameters":${schema}}}]`,
    ),
    text(
      '/v1/responses',
      `a format of ${kind}`,
      { model: 'writer', input: 'hello', max_output_tokens: 16 },
      'text',
      `{"format":{"type":"json_schema","name":"a","schema":${schema}}}`,
    ),
  ]);
  const expressions = Object.entries(EXPRESSIONS).map(([kind, guided_regex]) =>
    json('/v1/completions', `a regex of ${kind}`, { prompt: 'a', guided_regex, max_tokens: 1 }),
  );
  const choices = json('/v1/completions', 'choices', {
    prompt: 'a',
    guided_choice: list(4096, i => `choice ${i} `.repeat(60)),
    max_tokens: 1,
  });
  return [...schemas, ...expressions, choices];
}

/** Tensors as JSON and as bytes. */
function tensors(): LargeBody[] {
  const path = '/v2/models/kvasir-embed-4m/infer';
  const input = { name: 'input_ids', datatype: 'INT64' };
  const binary = (name: string, rows: number, columns: number): LargeBody => {
    const size = rows * columns * 8;
    const head = JSON.stringify({
      inputs: [{ ...input, shape: [rows, columns], parameters: { binary_data_size: size } }],
      parameters: { binary_data_output: true },
    });
    return {
      name,
      path,
      body: () =>
        Buffer.concat([
          Buffer.from(head),
          Buffer.from(BigInt64Array.from({ length: rows * columns }, () => 5n).buffer),
        ]),
      headers: {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(head.length),
      },
    };
  };
  return [
    json(path, 'a million elements', {
      inputs: [{ ...input, shape: [2000, 500], data: list(1_000_000, () => 5) }],
    }),
    json(path, 'a million elements that are too long', {
      inputs: [{ ...input, shape: [1, 1_000_000], data: list(1_000_000, () => 5) }],
    }),
    json(path, 'a million elements in lists', {
      inputs: [{ ...input, shape: [2000, 500], data: list(2000, () => list(500, () => 5)) }],
    }),
    json(path, 'elements in many lists', {
      inputs: [{ ...input, shape: [240_000, 1], data: list(240_000, () => [5]) }],
    }),
    binary('1,024 rows as bytes', 1024, 500),
    binary('one long row as bytes', 1, 500_000),
  ];
}
