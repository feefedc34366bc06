import { Type, type Static } from 'typebox';
import type { App } from '#http/app.js';
import { classify, labelScores, ranked } from '#api/encoding/classify.js';
import { inputLimit } from '#api/encoding/inputs.js';
import type { TextSource } from '#text/inputs.js';
import { plainJson } from '#http/plain-json.js';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { modelField } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { json, refTo } from '#http/schemas/shared.js';
import { refuseEmpty, TEI_ERRORS, teiErrorResponses } from './errors.js';
import { TAG, truncation } from './fields.js';

const Sequence = Type.Array(Type.String(), { minItems: 1, maxItems: 2 });

const TeiPredictRequest = Type.Object(
  {
    model: modelField(),
    inputs: Type.Union(
      [Type.String(), Sequence, Type.Array(Sequence, { minItems: 1, maxItems: MAX_INPUTS })],
      {
        description:
          'A text; a pair of texts, as a list of two; or a list of lists, each of one text or of a pair.',
      },
    ),
    raw_scores: nullable(
      Type.Boolean({ default: false, description: "The model's logits in place of probabilities." }),
    ),
    ...truncation,
  },
  { $id: 'TeiPredictRequest', examples: [{ inputs: [['A warm and funny film'], ['Two hours of boredom']] }] },
);

const LabelScores = Type.Array(Type.Object({ score: Type.Number(), label: Type.String() }));

const schema = {
  operationId: 'teiPredict',
  summary: 'Classify texts',
  description: 'All labels of each text, or pair of texts, with their scores.',
  tags: [TAG],
  body: refTo(TeiPredictRequest),
  response: {
    200: json(
      'The labels, the best first; for a list of inputs, a list of such.',
      Type.Union([LabelScores, Type.Array(LabelScores)]),
      [
        [
          { score: 0.98, label: 'positive' },
          { score: 0.02, label: 'negative' },
        ],
        [
          { score: 0.93, label: 'negative' },
          { score: 0.07, label: 'positive' },
        ],
      ],
    ),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /predict` */
export function predict(app: App): void {
  app.addSchema(TeiPredictRequest);

  app.post('/predict', { schema, serializerCompiler: plainJson }, async request => {
    const { body } = request;
    const { sources, single } = readInputs(body.inputs);
    refuseEmpty(request, sources);
    const model = await request.model('classify');
    const { logits } = await classify(model, sources, inputLimit(body, model), request.scope);
    const predictions = logits.map(row => ranked(labelScores(model, row, body.raw_scores ?? false)));
    return single ? predictions[0] : predictions;
  });
}

function readInputs(inputs: Static<typeof TeiPredictRequest>['inputs']): {
  readonly sources: TextSource[];
  readonly single: boolean;
} {
  if (typeof inputs === 'string') return { sources: [sequence('inputs', [inputs])], single: true };
  if (isSequence(inputs)) return { sources: [sequence('inputs', inputs)], single: true };
  return { sources: inputs.map((one, index) => sequence(`inputs[${index}]`, one)), single: false };
}

function isSequence(inputs: readonly (string | string[])[]): inputs is string[] {
  return typeof inputs[0] === 'string';
}

function sequence(param: string, texts: readonly string[]): TextSource {
  return { param, text: texts[0]!, pair: texts[1] };
}
