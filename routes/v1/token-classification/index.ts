import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientGone } from '../../../src/http/disconnect.js';
import { countTokens, inputLimit, locateSources, textSources } from '../../../src/http/encoders/inputs.js';
import { encoderModel, nameModel } from '../../../src/http/encoders/models.js';
import { resultListHead } from '../../../src/http/encoders/result-list.js';
import { inputUsage } from '../../../src/http/encoders/usage.js';
import type { RouteOptions } from '../../../src/http/route-options.js';
import { entitiesOf } from './entities.js';
import { schemas, tokenClassificationSchema } from './schema.js';

const tokenClassification: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = nameModel(registry, 'label');
  app.post('', { schema: tokenClassificationSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = encoderModel(registry, body.model, 'label');
    const sources = textSources('input', body.input);
    const signal = clientGone(reply);
    const encodings = await locateSources(model, sources, inputLimit(body, model), signal);
    const outputs = await model.encoder.encode(encodings, signal);
    const strategy = body.aggregation_strategy ?? 'simple';
    const ignored = body.ignore_labels ?? ['O'];
    const data = encodings.map((encoding, index) => ({
      index,
      entities: entitiesOf(model, sources[index]!.text, encoding, outputs[index]!, strategy).filter(
        ({ entity, entity_group: group }) => !ignored.includes((group ?? entity)!),
      ),
    }));
    return {
      ...resultListHead('tokens', model.id),
      data,
      usage: inputUsage(countTokens(encodings)),
    };
  });
};

export default tokenClassification;
