import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientGone } from '#http/disconnect.js';
import { countTokens, inputLimit, locateSources, textSources } from '#http/encoders/inputs.js';
import { encoderModel, nameModel } from '#http/encoders/models.js';
import { resultListHead } from '#http/encoders/result-list.js';
import { inputUsage } from '#http/encoders/usage.js';
import type { RouteOptions } from '#http/route-options.js';
import { fillMasks, maskedInputs, targetIds } from './masks.js';
import { fillMaskSchema, schemas } from './schema.js';

const fillMask: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = nameModel(registry, 'fill');
  app.post('', { schema: fillMaskSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = encoderModel(registry, body.model, 'fill');
    const sources = textSources('input', body.input);
    const targets = targetIds(model, body.targets);
    const signal = clientGone(reply);
    const encodings = await locateSources(model, sources, inputLimit(body, model), signal);
    const inputs = maskedInputs(model.tokenizer, sources, encodings);
    const data = await fillMasks(model, inputs, { topK: body.top_k ?? 5, targets }, signal);
    return {
      ...resultListHead('fill', model.id),
      data,
      usage: inputUsage(countTokens(encodings)),
    };
  });
};

export default fillMask;
