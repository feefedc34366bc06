import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { invalidRequest } from '#errors.js';
import { inputLimit, textSources } from '#api/encoding/inputs.js';
import { relevance } from '#api/encoding/relevance.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import type { TextSource } from '#text/inputs.js';
import { asksForLogits } from '#routes/shared/fields.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { scorePeerFields } from './peer-fields.js';
import { schemas, scoreSchema, type ScoreRequest } from './schema.js';

const score: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(scorePeerFields);
  app.post('', { schema: scoreSchema, preValidation }, async request => {
    const { body } = request;
    const [first, second] = readTexts(body);
    const model = await request.model('score');
    const options = { limit: inputLimit(body, model), raw: asksForLogits(body) };
    const { scores, tokens } = await relevance(model, first, second, options, request.scope);
    const data = scores.map((score, index) => ({ index, object: 'score', score }));
    return { ...resultListHead('score', model.id), data, usage: inputUsage(tokens) };
  });
};

/** Pairs of fields that have the texts. */
const FIELDS = [
  ['text_1', 'text_2'],
  ['queries', 'documents'],
  ['queries', 'items'],
  ['data_1', 'data_2'],
] as const;

/** @throws KvasirError `invalid_request` where no pair of fields is whole, or several are there, or the counts differ */
function readTexts(body: ScoreRequest): readonly [TextSource[], TextSource[]] {
  const given = [...new Set(FIELDS.flat())].filter(name => (body[name] ?? null) !== null);
  const pair =
    FIELDS.find(names => names.every(name => given.includes(name))) ??
    FIELDS.find(names => names.some(name => given.includes(name))) ??
    FIELDS[0];
  for (const name of pair) if (!given.includes(name)) throw invalidRequest(name, `${name} is required`);
  const other = given.find(name => !(pair as readonly string[]).includes(name));
  if (other !== undefined)
    throw invalidRequest(other, `${other} cannot stand beside ${pair[0]} and ${pair[1]}`);
  const [first, second] = pair.map(name => textSources(name, body[name]!)) as [TextSource[], TextSource[]];
  if (first.length !== 1 && first.length !== second.length)
    throw invalidRequest(
      pair[1],
      `${pair[1]} must have as many texts as ${pair[0]}, which has ${first.length}`,
    );
  return [first, second];
}

export default score;
