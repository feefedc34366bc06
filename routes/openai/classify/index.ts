import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { classify, labelScores, ranked } from '#api/encoding/classify.js';
import { inputLimit } from '#api/encoding/inputs.js';
import type { TextSource } from '#text/inputs.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import { classifySchema, schemas, type ClassifyRequest } from './schema.js';

const classifications: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: classifySchema }, async request => {
    const { body } = request;
    const model = await request.model('classify');
    const sources = readInput(body.input);
    const { logits, tokens } = await classify(model, sources, inputLimit(body, model), request.scope);
    const data = logits.map((row, index) => {
      const scores = labelScores(model, row, body.raw_scores ?? false);
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

function readInput(input: ClassifyRequest['input']): TextSource[] {
  if (!Array.isArray(input)) return [textOrPair('input', input)];
  return input.map((one, index) => textOrPair(`input[${index}]`, one));
}

function textOrPair(
  param: string,
  input: string | { readonly text: string; readonly text_pair?: string | null },
): TextSource {
  if (typeof input === 'string') return { param, text: input };
  return { param, text: input.text, pair: input.text_pair ?? undefined };
}

export default classifications;
