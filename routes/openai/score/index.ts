import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { invalidRequest } from '#errors.js';
import { inputLimit, textSources } from '#api/encoding/inputs.js';
import { relevance } from '#api/encoding/relevance.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { schemas, scoreSchema } from './schema.js';

const score: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: scoreSchema }, async request => {
    const { body } = request;
    const model = await request.model('score');
    const first = textSources('text_1', body.text_1);
    const second = textSources('text_2', body.text_2);
    if (first.length !== 1 && first.length !== second.length) {
      throw invalidRequest('text_2', `text_2 must have as many texts as text_1, which has ${first.length}`);
    }
    const options = { limit: inputLimit(body, model), raw: body.raw_scores ?? false };
    const { scores, tokens } = await relevance(model, first, second, options, request.scope);
    const data = scores.map((score, index) => ({ index, object: 'score', score }));
    return { ...resultListHead('score', model.id), data, usage: inputUsage(tokens) };
  });
};

export default score;
