import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { schemas, tokenizeSchema } from './schema.js';

const tokenize: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: tokenizeSchema }, async (request, reply) => {
    const { body } = request;
    const { texts, contextLength } = await request.model('tokenize');
    const prompt = { text: body.prompt, addSpecialTokens: body.add_special_tokens ?? true };
    const options = { spellings: body.return_token_strs ?? false };
    const [tokens] = await texts.map('listTokens', [prompt], options, request.scope, 'prompt');
    return reply.type('application/json; charset=utf-8').send(`{${tokens},"max_model_len":${contextLength}}`);
  });
};

export default tokenize;
