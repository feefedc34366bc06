import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { inputLimit, textSources } from '#api/encoding/inputs.js';
import { relevance } from '#api/encoding/relevance.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { descending } from '#results/scores.js';
import { asksForLogits } from '#routes/shared/fields.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { rerankPeerFields } from './peer-fields.js';
import { rerankSchema, schemas } from './schema.js';

const rerank: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(rerankPeerFields);
  app.post('', { schema: rerankSchema, preValidation }, async request => {
    const { body } = request;
    const model = await request.model('score');
    const texts = body.documents.map(document => (typeof document === 'string' ? document : document.text));
    const { scores, tokens } = await relevance(
      model,
      textSources('query', body.query),
      textSources('documents', texts),
      { limit: inputLimit(body, model), raw: asksForLogits(body) },
      request.scope,
    );
    const results = descending(scores)
      .slice(0, body.top_n || undefined)
      .map(index => ({
        index,
        relevance_score: scores[index]!,
        ...((body.return_documents ?? true) && { document: { text: texts[index]! } }),
      }));
    return { ...resultListHead('rerank', model.id), results, usage: inputUsage(tokens) };
  });
};

export default rerank;
