import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { invalidRequest } from '#errors.js';
import {
  countTokens,
  inputLimit,
  textSources,
  withPlaces,
  type TruncationFields,
} from '#api/encoding/inputs.js';
import { mapInTurns } from '#turns.js';
import type { InputLimit } from '#text/inputs.js';
import { resultListHead } from '../result-list.js';
import { inputUsage } from '../input-usage.js';
import type { Encoding } from '#text/types.js';
import { entitiesOf } from '#api/token-classification/entities.js';
import { schemas, tokenClassificationSchema } from './schema.js';
import { cutTexts, joinOutputs, type TextWindows } from '#api/token-classification/windows.js';

const tokenClassification: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: tokenClassificationSchema }, async request => {
    const { body } = request;
    const model = await request.model('label');
    const sources = textSources('input', body.input);
    const { stride = null } = body;
    const limit = stride === null ? inputLimit(body, model) : untruncated(body);
    const encodings = await withPlaces(model, sources.length, request.scope, () =>
      model.texts.map('locateInput', sources, limit, request.scope, 'input'),
    );
    const texts =
      stride === null ? encodings.map(asOneWindow) : await cutTexts(encodings, model.contextLength, stride);
    const windows = texts.flatMap(text => text.windows);
    const outputs = await model.encoder.encode(windows, request.scope);
    const strategy = body.aggregation_strategy ?? 'simple';
    const ignored = body.ignore_labels ?? ['O'];
    let done = 0;
    const data = await mapInTurns(texts, (text, index) => {
      const output = joinOutputs(text, outputs.slice(done, (done += text.windows.length)));
      return {
        index,
        entities: entitiesOf(model, sources[index]!.text, text.whole, output, strategy).filter(
          ({ entity, entity_group: group }) => !ignored.includes((group ?? entity)!),
        ),
      };
    });
    return {
      ...resultListHead('tokens', model.id),
      data,
      usage: inputUsage(countTokens(windows)),
    };
  });
};

/** Most tokens of a text that windows are cut of. */
const LONGEST = 2 ** 16;

/** Texts that are longer than the model can read, which windows are cut of. */
function untruncated({ truncate, truncate_prompt_tokens: wanted = null }: TruncationFields): InputLimit {
  if (truncate || wanted !== null) {
    throw invalidRequest('stride', 'stride reads the whole text: it does not go with truncation');
  }
  return { maxTokens: LONGEST, cut: undefined };
}

function asOneWindow(whole: Encoding): TextWindows {
  return { whole, windows: [whole], step: whole.ids.length, overlap: 0 };
}

export default tokenClassification;
