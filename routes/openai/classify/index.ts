import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { classify, labelScores, ranked, type LabelScore } from '#api/encoding/classify.js';
import { inputLimit, textLimit } from '#api/encoding/inputs.js';
import { DEFAULT_TEMPLATE, zeroShot } from '#api/encoding/zero-shot.js';
import { DEFAULT_HYPOTHESIS, zeroShotTexts } from '#api/encoding/zero-shot-texts.js';
import type { InputSource } from '#api/pictures/picture-source.js';
import { invalidRequest } from '#errors.js';
import type { RouteOptions } from '#http/route-options.js';
import type { EncoderModel } from '#registry/types.js';
import type { TowersModel } from '#registry/vision-types.js';
import type { TextSource } from '#text/inputs.js';
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
      const model = await request.model(pictures === undefined ? 'classify' : 'match');
      const { scores, tokens } = await scoreLabels(model, labels);
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

    /** @param model one that can what the inputs ask for. */
    async function scoreLabels(model: EncoderModel | TowersModel, labels: readonly string[]) {
      const limit = inputLimit(body, model);
      const { hypothesis_template: template } = body;
      if (pictures === undefined) {
        const wanted = { labels, template: template ?? DEFAULT_HYPOTHESIS };
        const given = { limit, raw, multiLabel: body.multi_label ?? false };
        return zeroShotTexts(model, plainTexts(sources), wanted, given, scope);
      }
      if (body.multi_label !== undefined && body.multi_label !== null)
        throw invalidRequest(
          'multi_label',
          'multi_label is for texts: of pictures the model says whether labels exclude each other',
        );
      const wanted = { labels, template: template ?? DEFAULT_TEMPLATE };
      return zeroShot(model as TowersModel, pictures, wanted, { limit, raw }, scope);
    }

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

/** @throws KvasirError `invalid_request` for pairs and token ids, which have no place for a label's text */
function plainTexts(sources: readonly InputSource[]): TextSource[] {
  return sources.map(source => {
    if ('text' in source && source.pair === undefined) return source;
    const param = 'param' in source ? source.param : 'input';
    throw invalidRequest(param, `${param}: candidate_labels are for single texts`);
  });
}

export default classifications;
