import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientGone } from '#http/disconnect.js';
import { inputLimit, textSources } from '#http/encoders/inputs.js';
import { encoderModel, nameModel } from '#http/encoders/models.js';
import { relevance } from '#http/encoders/relevance.js';
import { resultListHead } from '#http/encoders/result-list.js';
import { inputUsage } from '#http/encoders/usage.js';
import type { RouteOptions } from '#http/route-options.js';
import { descending } from '#results/scores.js';
import { rerankSchema, schemas } from './schema.js';

const rerank: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = nameModel(registry, 'score');
  app.post('', { schema: rerankSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = encoderModel(registry, body.model, 'score');
    const texts = body.documents.map(document => (typeof document === 'string' ? document : document.text));
    const { scores, tokens } = await relevance(
      model,
      textSources('query', body.query),
      textSources('documents', texts),
      { limit: inputLimit(body, model), raw: body.raw_scores ?? false },
      clientGone(reply),
    );
    const results = descending(scores)
      .slice(0, body.top_n ?? undefined)
      .map(index => ({
        index,
        relevance_score: scores[index]!,
        ...((body.return_documents ?? true) && { document: { text: texts[index]! } }),
      }));
    return { ...resultListHead('rerank', model.id), results, usage: inputUsage(tokens) };
  });
};

export default rerank;
