import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientGone } from '#http/disconnect.js';
import { countTokens } from '#http/encoders/inputs.js';
import { encoderModel, nameModel } from '#http/encoders/models.js';
import { resultListHead } from '#http/encoders/result-list.js';
import { inputUsage } from '#http/encoders/usage.js';
import type { RouteOptions } from '#http/route-options.js';
import { bestAnswers } from './answers.js';
import { questionAnsweringSchema, schemas } from './schema.js';
import { contextWindows } from './windows.js';

const questionAnswering: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = nameModel(registry, 'answer');
  app.post('', { schema: questionAnsweringSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = encoderModel(registry, body.model, 'answer');
    const cut = contextWindows(model, body);
    const outputs = await model.encoder.encode(cut.windows, clientGone(reply));
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
