import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { invalidRequest } from '#errors.js';
import { textLimit } from '#api/encoding/inputs.js';
import { relevance } from '#api/encoding/relevance.js';
import type { PictureSource } from '#api/pictures/picture-source.js';
import type { RouteOptions } from '#http/route-options.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import type { TextSource } from '#text/inputs.js';
import { asksForLogits } from '#routes/shared/fields.js';
import { readCompared, type Compared } from '#routes/shared/compared.js';
import { abilityFor } from '#routes/shared/input-kinds.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { RequestPictures } from '#routes/shared/request-pictures.js';
import { scorePeerFields } from './peer-fields.js';
import { schemas, scoreSchema, type ScoreRequest } from './schema.js';

const score: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { pictures }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(scorePeerFields);
  app.post('', { schema: scoreSchema, preValidation }, async request => {
    const { body } = request;
    const [first, second] = readPairs(body, new RequestPictures(request, pictures));
    const model = await request.model(abilityFor('score', [...first, ...second]));
    const options = { limit: textLimit(body, model), raw: asksForLogits(body), instruction: body };
    const { scores, tokens } = await relevance(model, first, second, options, request.scope);
    const data = scores.map((score, index) => ({ index, object: 'score', score }));
    return { ...resultListHead('score', model.id), data, usage: inputUsage(tokens) };
  });
};

type Sources = (TextSource | PictureSource)[];

/** Pairs of fields that have the inputs. */
const FIELDS = [
  ['text_1', 'text_2'],
  ['queries', 'documents'],
  ['queries', 'items'],
  ['data_1', 'data_2'],
] as const;

/** @throws KvasirError `invalid_request` where no pair of fields is whole, or several are there, or the counts differ */
function readPairs(body: ScoreRequest, pictures: RequestPictures): readonly [Sources, Sources] {
  const given = [...new Set(FIELDS.flat())].filter(name => (body[name] ?? null) !== null);
  const pair =
    FIELDS.find(names => names.every(name => given.includes(name))) ??
    FIELDS.find(names => names.some(name => given.includes(name))) ??
    FIELDS[0];
  for (const name of pair) if (!given.includes(name)) throw invalidRequest(name, `${name} is required`);
  const other = given.find(name => !(pair as readonly string[]).includes(name));
  if (other !== undefined)
    throw invalidRequest(other, `${other} cannot stand beside ${pair[0]} and ${pair[1]}`);
  const [first, second] = pair.map(name => sourcesOf(name, body[name]!, pictures)) as [Sources, Sources];
  if (first.length !== 1 && first.length !== second.length)
    throw invalidRequest(
      pair[1],
      `${pair[1]} must have as many items as ${pair[0]}, which has ${first.length}`,
    );
  return [first, second];
}

function sourcesOf(param: string, items: Compared | readonly Compared[], pictures: RequestPictures): Sources {
  if (!isList(items)) return [readCompared(param, items, pictures)];
  return items.map((item, index) => readCompared(`${param}[${index}]`, item, pictures));
}

function isList<T>(items: T | readonly T[]): items is readonly T[] {
  return Array.isArray(items);
}

export default score;
