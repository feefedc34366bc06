import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { countTokens, inputLimit, textSources, withPlaces } from '#api/encoding/inputs.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { fillMasks, maskedInputs, targetIds } from '#api/fill-mask/masks.js';
import { fillMaskSchema, schemas } from './schema.js';

const fillMask: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: fillMaskSchema }, async request => {
    const { body } = request;
    const model = await request.model('fill');
    const sources = textSources('input', body.input);
    const targets = targetIds(model, body.targets);
    const limit = inputLimit(body, model);
    const encodings = await withPlaces(model, sources.length, request.scope, () =>
      model.texts.map('locateInput', sources, limit, request.scope, 'input'),
    );
    const inputs = maskedInputs(model.tokenizer, sources, encodings);
    const data = await fillMasks(model, inputs, { topK: body.top_k ?? 5, targets }, request.scope);
    return {
      ...resultListHead('fill', model.id),
      data,
      usage: inputUsage(countTokens(encodings)),
    };
  });
};

export default fillMask;
