import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { classify, labelScores, ranked } from '#api/encoding/classify.js';
import { inputLimit, isTokenIds } from '#api/encoding/inputs.js';
import type { Source } from '#text/inputs.js';
import { asksForLogits } from '#routes/shared/fields.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { classifyPeerFields } from './peer-fields.js';
import { classifySchema, schemas, type ClassifyRequest } from './schema.js';

const classifications: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(classifyPeerFields);
  app.post('', { schema: classifySchema, preValidation }, async request => {
    const { body } = request;
    const model = await request.model('classify');
    const sources = readInput(body.input);
    const raw = asksForLogits(body);
    const { logits, tokens } = await classify(model, sources, inputLimit(body, model), request.scope);
    const data = logits.map((row, index) => {
      const scores = labelScores(model, row, raw);
      const best = ranked(scores);
      return {
        index,
        label: best[0]!.label,
        scores: best.slice(0, body.top_k ?? undefined),
        probs: scores.map(({ score }) => score),
        num_classes: scores.length,
      };
    });
    return { ...resultListHead('classify', model.id), data, usage: inputUsage(tokens) };
  });
};

function readInput(input: ClassifyRequest['input']): Source[] {
  if (!Array.isArray(input)) return [readOne('input', input)];
  if (isTokenIds(input)) return [{ param: 'input', ids: input }];
  return input.map((one, index) => readOne(`input[${index}]`, one));
}

function readOne(
  param: string,
  input: string | { readonly text: string; readonly text_pair?: string | null } | readonly number[],
): Source {
  if (isList(input)) return { param, ids: input };
  if (typeof input === 'string') return { param, text: input };
  return { param, text: input.text, pair: input.text_pair ?? undefined };
}

function isList(input: unknown): input is readonly number[] {
  return Array.isArray(input);
}

export default classifications;
