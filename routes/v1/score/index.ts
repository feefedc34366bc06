import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { KvasirError } from '#errors.js';
import { clientGone } from '#http/disconnect.js';
import { inputLimit, textSources } from '#http/encoders/inputs.js';
import { encoderModel, nameModel } from '#http/encoders/models.js';
import { relevance } from '#http/encoders/relevance.js';
import { resultListHead } from '#http/encoders/result-list.js';
import { inputUsage } from '#http/encoders/usage.js';
import type { RouteOptions } from '#http/route-options.js';
import { schemas, scoreSchema } from './schema.js';

const score: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = nameModel(registry, 'score');
  app.post('', { schema: scoreSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = encoderModel(registry, body.model, 'score');
    const first = textSources('text_1', body.text_1);
    const second = textSources('text_2', body.text_2);
    if (first.length !== 1 && first.length !== second.length) {
      throw new KvasirError(
        'invalid_request',
        `text_2 must have as many texts as text_1, which has ${first.length}`,
        { param: 'text_2' },
      );
    }
    const options = { limit: inputLimit(body, model), raw: body.raw_scores ?? false };
    const { scores, tokens } = await relevance(model, first, second, options, clientGone(reply));
    const data = scores.map((score, index) => ({ index, object: 'score', score }));
    return { ...resultListHead('score', model.id), data, usage: inputUsage(tokens) };
  });
};

export default score;
