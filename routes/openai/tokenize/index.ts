import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { schemas, tokenizeSchema } from './schema.js';

const tokenize: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: tokenizeSchema }, async request => {
    const { body } = request;
    const { tokenizer, texts, contextLength } = await request.model('tokenize');
    const prompt = { text: body.prompt, addSpecialTokens: body.add_special_tokens ?? true };
    const all = { maxTokens: Infinity };
    const [encoded] = await texts.map('encodePrompt', [prompt], all, request.scope, 'prompt');
    const tokens = encoded!.ids;
    return {
      count: tokens.length,
      max_model_len: contextLength,
      tokens,
      token_strs: body.return_token_strs ? tokens.map(id => tokenizer.token(id)!) : null,
    };
  });
};

export default tokenize;
