import { Type } from 'typebox';
import type { App } from '#http/app.js';
import { inputLimit, textSources } from '#api/encoding/inputs.js';
import { relevance } from '#api/encoding/relevance.js';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { modelField } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { json, refTo } from '#http/schemas/shared.js';
import { descending } from '#results/scores.js';
import { refuseEmpty, TEI_ERRORS, teiErrorResponses } from './errors.js';
import { TAG, truncation } from './fields.js';

const TeiRerankRequest = Type.Object(
  {
    model: modelField(),
    query: Type.String({ description: 'What is looked for.' }),
    texts: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: MAX_INPUTS,
      description: 'Texts to put in order.',
    }),
    raw_scores: nullable(
      Type.Boolean({ default: false, description: "A cross-encoder's logits in place of their sigmoid." }),
    ),
    return_text: nullable(Type.Boolean({ default: false, description: 'Give each text too.' })),
    ...truncation,
  },
  {
    $id: 'TeiRerankRequest',
    examples: [
      { query: 'Where do foxes live?', texts: ['The price of tea', 'A fox digs its den in the wood'] },
    ],
  },
);

const Rank = Type.Object({
  index: Type.Integer({ description: 'Of the text in the request.' }),
  text: Type.Optional(Type.String()),
  score: Type.Number(),
});

const schema = {
  operationId: 'teiRerank',
  summary: 'Put texts in order',
  description: 'Sorts texts by their relevance to a query.',
  tags: [TAG],
  body: refTo(TeiRerankRequest),
  response: {
    200: json('The most relevant text first.', Type.Array(Rank), [
      { index: 1, score: 0.94 },
      { index: 0, score: 0.02 },
    ]),
    ...teiErrorResponses(TEI_ERRORS),
  },
};

/** `POST /rerank` */
export function rerank(app: App): void {
  app.addSchema(TeiRerankRequest);

  app.post('/rerank', { schema }, async request => {
    const { body } = request;
    const pairs = body.texts.map((pair, i) => ({ param: `texts[${i}]`, text: body.query, pair }));
    refuseEmpty(request, pairs);
    const model = await request.model('score');
    const { scores } = await relevance(
      model,
      textSources('query', body.query),
      textSources('texts', body.texts),
      { limit: inputLimit(body, model), raw: body.raw_scores ?? false },
      request.scope,
    );
    return descending(scores).map(index => ({
      index,
      ...(body.return_text && { text: body.texts[index]! }),
      score: scores[index]!,
    }));
  });
}
