import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { KvasirError } from '#errors.js';
import {
  countTokens,
  inputLimit,
  locateSources,
  textSources,
  type InputLimit,
  type TruncationFields,
} from '#api/encoding/inputs.js';
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
    const signal = request.scope.signal;
    const { stride = null } = body;
    const limit = stride === null ? inputLimit(body, model) : untruncated(body);
    const encodings = await locateSources(model, sources, limit, signal);
    const texts =
      stride === null ? encodings.map(asOneWindow) : cutTexts(encodings, model.contextLength, stride);
    const windows = texts.flatMap(text => text.windows);
    const outputs = await model.encoder.encode(windows, signal);
    const strategy = body.aggregation_strategy ?? 'simple';
    const ignored = body.ignore_labels ?? ['O'];
    let done = 0;
    const data = texts.map((text, index) => {
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

/** Texts of any length, which windows are cut of. */
function untruncated({ truncate, truncate_prompt_tokens: wanted = null }: TruncationFields): InputLimit {
  if (truncate || wanted !== null) {
    throw new KvasirError('invalid_request', 'stride reads the whole text: it does not go with truncation', {
      param: 'stride',
    });
  }
  return { maxTokens: Infinity, cut: undefined };
}

function asOneWindow(whole: Encoding): TextWindows {
  return { whole, windows: [whole], step: whole.ids.length, overlap: 0 };
}

export default tokenClassification;
