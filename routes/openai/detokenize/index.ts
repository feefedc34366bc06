import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { detokenizeSchema, schemas } from './schema.js';

const detokenize: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: detokenizeSchema }, async request => {
    const { body } = request;
    const { texts } = await request.model('tokenize');
    const options = { skipSpecialTokens: body.skip_special_tokens ?? false };
    const [prompt] = await texts.map('decodeIds', [body.tokens], options, request.scope, 'tokens');
    return { prompt };
  });
};

export default detokenize;
