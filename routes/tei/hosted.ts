import { Type } from 'typebox';
import { KvasirError } from '#errors.js';
import type { App } from '#http/app.js';
import { plainJson } from '#http/plain-json.js';
import type { Endpoints } from '#http/endpoints.js';
import { errorResponses, json, MODEL_ERRORS } from '#http/schemas/shared.js';
import type { Ability } from '#registry/card.js';
import type { ModelRegistry } from '#registry/types.js';
import { TEI_ERRORS, teiErrorResponses } from './errors.js';
import { TAG } from './fields.js';

type Fields = Readonly<Record<string, unknown>>;

/** Fields that only one endpoint requires, each with its address. */
const BY_FIELD: readonly (readonly [field: string, url: string])[] = [
  ['messages', '/v1/chat/completions'],
  ['prompt', '/v1/completions'],
  ['documents', '/v1/rerank'],
  ['text_1', '/v1/score'],
  ['queries', '/v1/score'],
  ['data_1', '/v1/score'],
  ['texts', '/rerank'],
];

/** Addresses for a field that several endpoints have, by what the model can do. */
const BY_ABILITY: Readonly<Record<'inputs' | 'input', readonly (readonly [Ability, string])[]>> = {
  inputs: [
    ['embed', '/embed'],
    ['classify', '/predict'],
    ['embed-sparse', '/embed_sparse'],
    ['embed-tokens', '/embed_all'],
  ],
  input: [
    ['embed', '/v1/embeddings'],
    ['classify', '/v1/classify'],
    ['embed-pictures', '/v1/embeddings'],
    ['classify-pictures', '/v1/classify'],
    ['chat', '/v1/responses'],
  ],
};

const TEI_REQUESTS = ['TeiEmbedRequest', 'TeiPredictRequest', 'TeiRerankRequest'];

/** One of the bodies of other endpoints, which check it: here it only has to be an object. */
const body = (examples: readonly unknown[], others: readonly object[] = []) =>
  Type.Unsafe<Fields>({
    anyOf: [...TEI_REQUESTS.map(name => Type.Ref(name)), ...others],
    examples,
  });

const validatorCompiler = () => (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { value }
    : { error: new KvasirError('invalid_request', 'the body must be an object') };

const rootSchema = {
  operationId: 'teiRoot',
  summary: 'Use the model',
  description:
    'As `/rerank` for a body with `texts`, else as `/embed`, `/predict` or `/embed_sparse`, by what the model can do.',
  tags: [TAG],
  body: body([{ inputs: 'A fox in the snow' }]),
  response: {
    200: json("That endpoint's answer.", Type.Unsafe<unknown>({}), [[0.6, -0.8]]),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

const invocationsSchema = {
  operationId: 'invocations',
  summary: 'Use the model, as SageMaker does',
  description:
    'As the endpoint that a body with these fields is for: chat completions for `messages`, completions for `prompt`, a ranking for `documents` or `texts`, a score for `text_1`, and for `input` or `inputs` whatever the model can do.',
  tags: ['Generation'],
  body: body(
    [{ messages: [{ role: 'user', content: 'How do foxes sleep?' }] }],
    [Type.Object({}, { additionalProperties: true, description: 'Any other body that it is for.' })],
  ),
  response: {
    200: json("That endpoint's answer.", Type.Unsafe<unknown>({}), { object: 'list' }),
    ...errorResponses(MODEL_ERRORS),
  },
};

const compilers = { validatorCompiler, serializerCompiler: plainJson };

/** `POST /` and `POST /invocations`, by which hosts of models send requests that are for the model as such. */
export function hosted(app: App, registry: ModelRegistry, endpoints: Endpoints): void {
  app.post('/', { schema: rootSchema, ...compilers }, async (request, reply) => {
    const { texts } = request.body;
    const url = texts === undefined ? forInputs('inputs', request.body) : '/rerank';
    return endpoints.answer(url, request, reply);
  });

  app.post('/invocations', { schema: invocationsSchema, ...compilers }, async (request, reply) => {
    const { body } = request;
    const url =
      BY_FIELD.find(([field]) => body[field] !== undefined)?.[1] ??
      forInputs(body.inputs === undefined && body.input !== undefined ? 'input' : 'inputs', body);
    return endpoints.answer(url, request, reply);
  });

  /** @throws KvasirError `invalid_request` without the field */
  function forInputs(field: 'inputs' | 'input', { [field]: inputs, model }: Fields): string {
    if (inputs === undefined) throw unknownBody();
    if ((Object(inputs) as Fields).source_sentence !== undefined) return '/similarity';
    const ways = BY_ABILITY[field];
    const entries = registry
      .entries()
      .filter(({ id, aliases }) => typeof model !== 'string' || id === model || aliases.includes(model));
    const cards = entries.flatMap(({ card }) => card ?? []);
    // Encoders first: all that embeds or classifies takes an input, and a writer only where there is no other.
    const encoder = cards.find(({ abilities }) => !abilities.has('complete') && canOneOf(ways, abilities));
    const { abilities } = encoder ?? cards.find(card => canOneOf(ways, card.abilities)) ?? {};
    // Where none can, the first address says so.
    return (ways.find(([ability]) => abilities?.has(ability)) ?? ways[0]!)[1];
  }
}

function canOneOf(ways: readonly (readonly [Ability, string])[], abilities: ReadonlySet<Ability>): boolean {
  return ways.some(([ability]) => abilities.has(ability));
}

function unknownBody(): KvasirError {
  return new KvasirError(
    'invalid_request',
    'the body has no field that says what to do, such as inputs, texts, messages or prompt',
  );
}
