import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { countTokens, withPlaces } from '#api/encoding/inputs.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { bestAnswers } from '#api/question-answering/answers.js';
import { questionAnsweringSchema, schemas } from './schema.js';
import { contextWindows } from '#api/question-answering/windows.js';

const questionAnswering: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: questionAnsweringSchema }, async request => {
    const { body } = request;
    const model = await request.model('answer');
    const cut = await withPlaces(model, 1, request.scope, () => contextWindows(model, body, request.scope));
    const outputs = await model.encoder.encode(cut.windows, request.scope);
    const options = {
      topK: body.top_k ?? 1,
      maxLength: body.max_answer_len ?? 15,
      nullAnswer: body.handle_impossible_answer ?? false,
      wholeWords: body.align_to_words ?? true,
    };
    return {
      ...resultListHead('answer', model.id),
      data: bestAnswers(model.tokenizer, body.context, cut, outputs, options),
      usage: inputUsage(countTokens(cut.windows)),
    };
  });
};

export default questionAnswering;
