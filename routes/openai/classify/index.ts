import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { classify, labelScores, ranked, type LabelScore } from '#api/encoding/classify.js';
import { inputLimit, textLimit } from '#api/encoding/inputs.js';
import { DEFAULT_TEMPLATE, zeroShot } from '#api/encoding/zero-shot.js';
import { invalidRequest } from '#errors.js';
import type { RouteOptions } from '#http/route-options.js';
import { asksForLogits } from '#routes/shared/fields.js';
import { allPictures } from '#routes/shared/input-kinds.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { RequestPictures } from '#routes/shared/request-pictures.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { classifyPeerFields } from './peer-fields.js';
import { readClassifyInputs } from './read-inputs.js';
import { readLabels } from './read-labels.js';
import { classifySchema, schemas } from './schema.js';

const classifications: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { pictures: options }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(classifyPeerFields);
  app.post('', { schema: classifySchema, preValidation }, async request => {
    const { body, scope } = request;
    const sources = readClassifyInputs(body, new RequestPictures(request, options));
    const pictures = allPictures(sources);
    const labels = readLabels(body);
    const raw = asksForLogits(body);
    if (labels !== undefined) {
      if (pictures === undefined)
        throw invalidRequest('candidate_labels', 'candidate_labels are for pictures; the inputs are texts');
      const model = await request.model('match');
      const wanted = { labels, template: body.hypothesis_template ?? DEFAULT_TEMPLATE };
      const given = { limit: inputLimit(body, model), raw };
      const { scores, tokens } = await zeroShot(model, pictures, wanted, given, scope);
      const named = scores.map(row => row.map((score, index) => ({ label: labels[index]!, score })));
      return answer(model.id, named, tokens);
    }
    const model = await request.model(pictures === undefined ? 'classify' : 'classify-pictures');
    const { logits, tokens } = await classify(model, sources, textLimit(body, model), scope);
    return answer(
      model.id,
      logits.map(row => labelScores(model, row, raw)),
      tokens,
    );

    /** Of each input all scores, in the order of the labels. */
    function answer(id: string, inputs: readonly (readonly LabelScore[])[], tokens: number) {
      const data = inputs.map((scores, index) => {
        const best = ranked(scores);
        return {
          index,
          label: best[0]!.label,
          scores: best.slice(0, body.top_k ?? undefined),
          probs: scores.map(({ score }) => score),
          num_classes: scores.length,
        };
      });
      return { ...resultListHead('classify', id), data, usage: inputUsage(tokens) };
    }
  });
};

export default classifications;
