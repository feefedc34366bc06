import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '#http/route-options.js';
import { anyModel } from '#http/served-model.js';
import { detokenizeSchema, schemas } from './schema.js';

const detokenize: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: detokenizeSchema }, async ({ body }) => {
    const { tokenizer } = anyModel(registry, body.model);
    return {
      prompt: tokenizer.decode(body.tokens, { skipSpecialTokens: body.skip_special_tokens ?? false }),
    };
  });
};

export default detokenize;
