import { Type } from 'typebox';
import type { App } from '#http/app.js';
import { embed as embedSources } from '#api/encoding/embed.js';
import { inputLimit, mixedSources } from '#api/encoding/inputs.js';
import { plainJson } from '#http/plain-json.js';
import { modelField } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { json, refTo } from '#http/schemas/shared.js';
import { refuseEmpty, TEI_ERRORS, teiErrorResponses } from './errors.js';
import { EmbeddingInputs, promptName, TAG, truncation } from './fields.js';

const TeiEmbedRequest = Type.Object(
  {
    model: modelField(),
    inputs: EmbeddingInputs,
    normalize: nullable(
      Type.Boolean({ default: true, description: 'Scale each embedding to a length of 1.' }),
    ),
    dimensions: nullable(
      Type.Integer({ minimum: 1, description: 'Keep only the first so many components.' }),
    ),
    prompt_name: promptName,
    ...truncation,
  },
  { $id: 'TeiEmbedRequest', examples: [{ inputs: ['A fox in the snow'], truncate: true }] },
);

const schema = {
  operationId: 'teiEmbed',
  summary: 'Embed texts',
  description: 'A vector for each text, as a list of lists, for one text too.',
  tags: [TAG],
  body: refTo(TeiEmbedRequest),
  response: {
    200: json('The embeddings, in the order of the inputs.', Type.Array(Type.Array(Type.Number())), [
      [0.6, -0.8],
    ]),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /embed` */
export function embed(app: App): void {
  app.addSchema(TeiEmbedRequest);

  app.post('/embed', { schema, serializerCompiler: plainJson }, async request => {
    const { body } = request;
    const sources = mixedSources('inputs', body.inputs);
    refuseEmpty(request, sources);
    const model = await request.model('embed');
    const options = {
      limit: inputLimit(body, model),
      dimensions: body.dimensions ?? undefined,
      normalize: body.normalize ?? undefined,
      prompt: { prompt_name: body.prompt_name },
    };
    const { vectors } = await embedSources(model, sources, options, request.scope);
    return vectors.map(vector => Array.from(vector));
  });
}
