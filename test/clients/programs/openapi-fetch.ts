import createClient from 'openapi-fetch';
import type { components, paths } from './schema.js';

/** Calls a server through openapi-fetch, with the types that openapi-typescript wrote. */
export async function run(baseUrl: string) {
  const { GET, POST } = createClient<paths, 'application/json'>({ baseUrl });
  const texts = createClient<paths>({ baseUrl });

  const models = await GET('/v1/models');
  const completion = await POST('/v1/completions', {
    body: {
      model: 'kvasir-stories-3m',
      prompt: 'One day, a fox',
      max_tokens: 8,
      temperature: 0,
      logprobs: 1,
    },
  });
  const stream = await texts.POST('/v1/completions', {
    body: {
      model: 'kvasir-stories-3m',
      prompt: 'One day, a fox',
      max_tokens: 8,
      temperature: 0,
      stream: true,
    },
    parseAs: 'text',
  });
  const chunks = (stream.data ?? '')
    .split('\n\n')
    .filter(event => event.startsWith('data: {'))
    .map(event => JSON.parse(event.slice(6)) as components['schemas']['CompletionChunk']);
  const messages: components['schemas']['ChatMessage'][] = [{ role: 'user', content: 'abc' }];
  const chat = await POST('/v1/chat/completions', {
    body: { model: 'writer', messages, max_completion_tokens: 4, response_format: { type: 'text' } },
  });
  const answer = await POST('/v1/responses', {
    body: { model: 'writer', input: 'abc', max_output_tokens: 4 },
  });
  const embeddings = await POST('/v1/embeddings', {
    body: { model: 'kvasir-embed-4m', input: ['A fox', 'A dog'] },
  });
  const classes = await POST('/v1/classify', {
    body: { model: 'kvasir-sentiment-3m', input: 'A wonderful, moving film.' },
  });
  const tensors = await POST('/v2/models/{model}/infer', {
    params: { path: { model: 'kvasir-sentiment-3m' } },
    body: { inputs: [{ name: 'input_ids', datatype: 'INT64', shape: [1, 3], data: [2, 9, 3] }] },
  });
  const wrong = await POST('/v1/completions', { body: { model: 'nobody', prompt: 'a' } });
  const range = await POST('/v1/completions', {
    body: { model: 'kvasir-stories-3m', prompt: 'a', temperature: 101 },
  });

  const [choice] = completion.data?.choices ?? [];
  const vector: number[] | string | undefined = embeddings.data?.data[0]?.embedding;
  const output = answer.data?.output[0];
  const spoken: string | undefined = output?.type === 'message' ? output.content[0]?.text : output?.arguments;
  return {
    models: models.data?.data.map(({ id }) => id),
    text: choice?.text,
    finish: choice?.finish_reason,
    tokens: completion.data?.usage?.completion_tokens,
    streamed: chunks.map(({ choices }) => choices[0]?.text ?? '').join(''),
    chat: chat.data?.choices[0]?.message.content,
    spoken,
    dimensions: vector?.length,
    label: classes.data?.data[0]?.label,
    logits: tensors.data?.outputs[0]?.shape,
    unknownModel: wrong.error?.error.code,
    outOfRange: [range.response.status, range.error?.error.param],
  };
}
