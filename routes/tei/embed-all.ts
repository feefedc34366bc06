import { Type } from 'typebox';
import { embedTokens } from '#api/encoding/embed-tokens.js';
import { inputLimit, mixedSources } from '#api/encoding/inputs.js';
import type { App } from '#http/app.js';
import { sendPieces } from '#http/json-answer.js';
import { json, refTo } from '#http/schemas/shared.js';
import { modelField } from '#routes/shared/fields.js';
import { refuseEmpty, TEI_ERRORS, teiErrorResponses } from './errors.js';
import { EmbeddingInputs, promptName, TAG, truncation } from './fields.js';
import { listPieces } from './list-pieces.js';

const TeiEmbedAllRequest = Type.Object(
  { model: modelField(), inputs: EmbeddingInputs, prompt_name: promptName, ...truncation },
  { $id: 'TeiEmbedAllRequest', examples: [{ inputs: ['A fox in the snow'] }] },
);

const schema = {
  operationId: 'teiEmbedAll',
  summary: 'Embed tokens',
  description:
    'A vector for each token of each text, special tokens included, as the model has them before it makes one of them. A model that keeps the vectors of tokens (ColBERT) reads texts as documents, or as queries with `prompt_name: query`, and gives those that it compares.',
  tags: [TAG],
  body: refTo(TeiEmbedAllRequest),
  response: {
    200: json(
      "The vectors of the texts' tokens, in the order of the inputs.",
      Type.Array(Type.Array(Type.Array(Type.Number()))),
      [
        [
          [0.6, -0.8],
          [0.1, 0.9],
        ],
      ],
    ),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /embed_all` */
export function embedAll(app: App): void {
  app.addSchema(TeiEmbedAllRequest);

  app.post('/embed_all', { schema }, async (request, reply) => {
    const { body } = request;
    const sources = mixedSources('inputs', body.inputs);
    refuseEmpty(request, sources);
    const model = await request.model('embed-tokens');
    const limit = inputLimit(body, model);
    const texts = await embedTokens(model, sources, body, limit, request.scope, 'inputs');
    return sendPieces(
      reply,
      listPieces(texts, vectors => listPieces(vectors, vector => [`[${vector.join()}]`])),
    );
  });
}
