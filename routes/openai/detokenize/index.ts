import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { detokenizeSchema, schemas } from './schema.js';

const detokenize: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: detokenizeSchema }, async request => {
    const { body } = request;
    const { tokenizer } = await request.model('tokenize');
    return {
      prompt: tokenizer.decode(body.tokens, { skipSpecialTokens: body.skip_special_tokens ?? false }),
    };
  });
};

export default detokenize;
