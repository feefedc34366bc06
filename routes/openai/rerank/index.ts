import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { textLimit } from '#api/encoding/inputs.js';
import { relevance } from '#api/encoding/relevance.js';
import type { RouteOptions } from '#http/route-options.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { descending } from '#results/scores.js';
import { readCompared, type Compared } from '#routes/shared/compared.js';
import { asksForLogits } from '#routes/shared/fields.js';
import { abilityFor } from '#routes/shared/input-kinds.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { RequestPictures } from '#routes/shared/request-pictures.js';
import { rerankPeerFields } from './peer-fields.js';
import { rerankSchema, schemas } from './schema.js';

const rerank: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { pictures: options }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(rerankPeerFields);
  app.post('', { schema: rerankSchema, preValidation }, async request => {
    const { body } = request;
    const pictures = new RequestPictures(request, options);
    const query = readCompared('query', body.query, pictures);
    const documents = body.documents.map((document, index) =>
      readCompared(`documents[${index}]`, document, pictures),
    );
    const model = await request.model(abilityFor('score', [query, ...documents]));
    const { scores, tokens } = await relevance(
      model,
      [query],
      documents,
      { limit: textLimit(body, model), raw: asksForLogits(body), instruction: body },
      request.scope,
    );
    const results = descending(scores)
      .slice(0, body.top_n || undefined)
      .map(index => ({
        index,
        relevance_score: scores[index]!,
        ...returned(body.documents[index]!, documents[index]!, body.return_documents ?? undefined),
      }));
    return { ...resultListHead('rerank', model.id), results, usage: inputUsage(tokens) };
  });
};

/** Texts are given back unless that is not wanted; pictures, which are large, only where it is. */
function returned(
  document: Compared,
  source: ReturnType<typeof readCompared>,
  wanted: boolean | undefined,
): { readonly document?: object } {
  if ('text' in source) return (wanted ?? true) ? { document: { text: source.text } } : {};
  return wanted && typeof document === 'object' ? { document } : {};
}

export default rerank;
