import { Type } from 'typebox';
import { embedSparse as embedSources } from '#api/encoding/embed-sparse.js';
import { inputLimit, mixedSources } from '#api/encoding/inputs.js';
import { withPrompt } from '#api/encoding/prompt.js';
import type { App } from '#http/app.js';
import { sendPieces } from '#http/json-answer.js';
import { json, refTo } from '#http/schemas/shared.js';
import type { SparseVector } from '#results/sparse.js';
import { modelField } from '#routes/shared/fields.js';
import { refuseEmpty, TEI_ERRORS, teiErrorResponses } from './errors.js';
import { EmbeddingInputs, promptName, TAG, truncation } from './fields.js';
import { listPieces } from './list-pieces.js';

const TeiEmbedSparseRequest = Type.Object(
  { model: modelField(), inputs: EmbeddingInputs, prompt_name: promptName, ...truncation },
  { $id: 'TeiEmbedSparseRequest', examples: [{ inputs: ['A fox in the snow'] }] },
);

const SparseValue = Type.Object({
  index: Type.Integer({ description: "The token's id." }),
  value: Type.Number(),
});

const schema = {
  operationId: 'teiEmbedSparse',
  summary: 'Embed texts as sparse vectors',
  description:
    'A vector over the vocabulary for each text, by a model with the head of a masked language model, such as SPLADE: of each token the largest of `log(1 + relu(logit))` over the positions of the text. Components that are 0 are left out.',
  tags: [TAG],
  body: refTo(TeiEmbedSparseRequest),
  response: {
    200: json('The vectors, in the order of the inputs.', Type.Array(Type.Array(SparseValue)), [
      [
        { index: 1012, value: 0.98 },
        { index: 4419, value: 1.84 },
      ],
    ]),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /embed_sparse` */
export function embedSparse(app: App): void {
  app.addSchema(TeiEmbedSparseRequest);

  app.post('/embed_sparse', { schema }, async (request, reply) => {
    const { body } = request;
    const sources = mixedSources('inputs', body.inputs);
    refuseEmpty(request, sources);
    const model = await request.model('embed-sparse');
    const prompted = withPrompt(model, sources, body);
    const vectors = await embedSources(model, prompted, inputLimit(body, model), request.scope, 'inputs');
    return sendPieces(reply, listPieces(vectors, written));
  });
}

/** Components that are written at once. */
const AT_ONCE = 4096;

function written(vector: SparseVector): Iterable<string> {
  return listPieces(parts(vector.values.length), ([from, to]) => {
    const indexes = vector.indexes.subarray(from, to);
    return [
      Array.from(indexes, (index, i) => `{"index":${index},"value":${vector.values[from + i]!}}`).join(),
    ];
  });
}

/** Ranges that cover so many components. */
function* parts(count: number): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < count; from += AT_ONCE) yield [from, Math.min(from + AT_ONCE, count)];
}
