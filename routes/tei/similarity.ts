import { Type } from '@fastify/type-provider-typebox';
import type { App } from '#http/app.js';
import { clientGone } from '#http/disconnect.js';
import { embed } from '#http/encoders/embed.js';
import { inputLimit } from '#http/encoders/inputs.js';
import { encoderModel, nameModel } from '#http/encoders/models.js';
import { MAX_INPUTS, modelField } from '#http/schemas/encoding.js';
import { nullable } from '#http/schemas/nullable.js';
import { json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';
import type { ModelRegistry } from '#registry/types.js';
import { cosine } from '#results/vectors.js';
import { teiErrorResponses } from './errors.js';
import { promptName, refusePrompt, TAG, truncation } from './fields.js';

const TeiSimilarityRequest = Type.Object(
  {
    model: modelField,
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
    ...teiErrorResponses(MODEL_ERRORS),
  },
};

/** `POST /similarity` */
export function similarity(app: App, registry: ModelRegistry): void {
  app.addSchema(TeiSimilarityRequest);

  app.post('/similarity', { schema, preValidation: nameModel(registry, 'embed') }, async (request, reply) => {
    const { model: name, inputs, parameters } = request.body;
    refusePrompt(parameters?.prompt_name);
    const model = encoderModel(registry, name, 'embed');
    const sources = [
      { param: 'inputs.source_sentence', text: inputs.source_sentence },
      ...inputs.sentences.map((text, index) => ({ param: `inputs.sentences[${index}]`, text })),
    ];
    const options = {
      limit: inputLimit(parameters ?? {}, model),
      dimensions: undefined,
      normalize: false,
    };
    const { vectors } = await embed(model, sources, options, clientGone(reply));
    const [source, ...others] = vectors;
    return others.map(vector => cosine(source!, vector));
  });
}
