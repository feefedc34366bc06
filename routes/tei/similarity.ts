import { Type } from 'typebox';
import type { App } from '#http/app.js';
import { embed } from '#api/encoding/embed.js';
import { inputLimit } from '#api/encoding/inputs.js';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { modelField } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { json, refTo } from '#http/schemas/shared.js';
import { cosine } from '#results/vectors.js';
import { refuseEmpty, TEI_ERRORS, teiErrorResponses } from './errors.js';
import { promptName, TAG, truncation } from './fields.js';

const TeiSimilarityRequest = Type.Object(
  {
    model: modelField(),
    inputs: Type.Object({
      source_sentence: Type.String({ description: 'The text that the others are compared with.' }),
      sentences: Type.Array(Type.String(), { minItems: 1, maxItems: MAX_INPUTS }),
    }),
    parameters: nullable(Type.Object({ prompt_name: promptName, ...truncation })),
  },
  {
    $id: 'TeiSimilarityRequest',
    examples: [
      {
        inputs: {
          source_sentence: 'A fox in the snow',
          sentences: ['A dog in the rain', 'A fox on the ice'],
        },
      },
    ],
  },
);

const schema = {
  operationId: 'teiSimilarity',
  summary: 'Compare texts',
  description: "The cosine of each sentence's embedding with that of the source sentence.",
  tags: [TAG],
  body: refTo(TeiSimilarityRequest),
  response: {
    200: json('From -1 to 1, in the order of the sentences.', Type.Array(Type.Number()), [0.31, 0.87]),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /similarity` */
export function similarity(app: App): void {
  app.addSchema(TeiSimilarityRequest);

  app.post('/similarity', { schema }, async request => {
    const { inputs, parameters } = request.body;
    const sources = [
      { param: 'inputs.source_sentence', text: inputs.source_sentence },
      ...inputs.sentences.map((text, index) => ({ param: `inputs.sentences[${index}]`, text })),
    ];
    refuseEmpty(request, sources);
    const model = await request.model('embed');
    const options = {
      limit: inputLimit(parameters ?? {}, model),
      dimensions: undefined,
      normalize: false,
      prompt: { prompt_name: parameters?.prompt_name },
    };
    const { vectors } = await embed(model, sources, options, request.scope);
    const [source, ...others] = vectors;
    return others.map(vector => cosine(source!, vector));
  });
}
