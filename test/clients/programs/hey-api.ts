import { client } from './sdk/client.gen.js';
import * as sdk from './sdk/sdk.gen.js';
import type { CompletionChunk } from './sdk/types.gen.js';

/** Calls a server through the functions that hey-api wrote. */
export async function run(baseUrl: string) {
  client.setConfig({ baseUrl });

  const models = await sdk.listModels();
  const completion = await sdk.createCompletion({
    body: {
      model: 'kvasir-stories-3m',
      prompt: 'One day, a fox',
      max_tokens: 8,
      temperature: 0,
      logprobs: 1,
    },
  });
  const { stream } = await client.sse.post<{ 200: CompletionChunk | '[DONE]' }>({
    url: '/v1/completions',
    headers: { 'content-type': 'application/json' },
    body: {
      model: 'kvasir-stories-3m',
      prompt: 'One day, a fox',
      max_tokens: 8,
      temperature: 0,
      stream: true,
    },
  });
  let streamed = '';
  for await (const chunk of stream) if (typeof chunk === 'object') streamed += chunk.choices[0]?.text ?? '';
  const chat = await sdk.createChatCompletion({
    body: { model: 'writer', messages: [{ role: 'user', content: 'abc' }], max_completion_tokens: 4 },
  });
  const answer = await sdk.createResponse({ body: { model: 'writer', input: 'abc', max_output_tokens: 4 } });
  const embeddings = await sdk.createEmbeddings({
    body: { model: 'kvasir-embed-4m', input: ['A fox', 'A dog'] },
  });
  const classes = await sdk.createClassification({
    body: { model: 'kvasir-sentiment-3m', input: 'A wonderful, moving film.' },
  });
  const tensors = await sdk.v2Infer({
    path: { model: 'kvasir-sentiment-3m' },
    body: { inputs: [{ name: 'input_ids', datatype: 'INT64', shape: [1, 3], data: [2, 9, 3] }] },
  });
  const wrong = await sdk.createCompletion({ body: { model: 'nobody', prompt: 'a' } });
  const range = await sdk.createCompletion({
    body: { model: 'kvasir-stories-3m', prompt: 'a', temperature: 101 },
  });

  const [choice] = completion.data?.choices ?? [];
  const said = chat.data?.choices[0];
  const output = answer.data !== undefined && 'output' in answer.data ? answer.data.output[0] : undefined;
  const result = typeof tensors.data === 'object' && 'outputs' in tensors.data ? tensors.data : undefined;
  return {
    models: models.data?.data.map(({ id }) => id),
    text: choice?.text,
    finish: choice?.finish_reason,
    tokens: completion.data?.usage?.completion_tokens,
    streamed,
    chat: said !== undefined && 'message' in said ? said.message.content : undefined,
    spoken: output?.type === 'message' ? output.content[0]?.text : output?.arguments,
    dimensions: embeddings.data?.data[0]?.embedding.length,
    label: classes.data?.data[0]?.label,
    logits: result?.outputs[0]?.shape,
    unknownModel: wrong.error?.error.code,
    outOfRange: [range.response?.status, range.error?.error.param],
  };
}
