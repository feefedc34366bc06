import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '#http/route-options.js';
import { anyModel } from '#http/served-model.js';
import { schemas, tokenizeSchema } from './schema.js';

const tokenize: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: tokenizeSchema }, async ({ body }) => {
    const { tokenizer, contextLength } = anyModel(registry, body.model);
    const tokens = tokenizer.encode(body.prompt, { addSpecialTokens: body.add_special_tokens ?? true });
    return {
      count: tokens.length,
      max_model_len: contextLength,
      tokens,
      token_strs: body.return_token_strs ? tokens.map(id => tokenizer.token(id)!) : null,
    };
  });
};

export default tokenize;
