import { Type } from 'typebox';
import { detectLanguages } from '#api/translation/detect.js';
import { listLanguages } from '#api/translation/languages.js';
import { KvasirError } from '#errors.js';
import type { App } from '#http/app.js';
import { json, refTo } from '#http/schemas/shared.js';
import type { ModelRegistry } from '#registry/types.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { libreTranslateErrors, WITH_BODY } from './errors.js';
import { apiKeyField, listTexts, TAG, textsField } from './fields.js';
import { CONSUMES } from './forms.js';
import { libreTranslatePeerFields } from './peer-fields.js';
import { translatorsOf } from './translators.js';

const LibreTranslateDetectRequest = Type.Object(
  { q: textsField('of one language'), api_key: apiKeyField },
  { $id: 'LibreTranslateDetectRequest', examples: [{ q: 'What language is this?' }] },
);

export const LibreTranslateDetection = Type.Object(
  {
    language: Type.String({ description: 'A language tag (BCP 47).' }),
    confidence: Type.Number({
      minimum: 0,
      maximum: 100,
      description:
        'How much speaks for the language; 0: nothing. It is no probability: that of a sure one is about 80.',
    }),
  },
  { $id: 'LibreTranslateDetection' },
);

const schema = {
  operationId: 'libreTranslateDetect',
  summary: 'Tell the language of a text',
  description:
    'The most likely of the languages that the served models translate from. Only the beginning of a text is looked at.',
  tags: [TAG],
  consumes: CONSUMES,
  body: refTo(LibreTranslateDetectRequest),
  response: {
    200: json('The languages, the most likely one first.', Type.Array(refTo(LibreTranslateDetection)), [
      { language: 'en', confidence: 84 },
    ]),
    ...libreTranslateErrors(WITH_BODY),
  },
};

/** `POST /detect` */
export function detect(app: App, registry: ModelRegistry): void {
  app.addSchema(LibreTranslateDetectRequest);
  app.addSchema(LibreTranslateDetection);

  const preValidation = refuseFields(libreTranslatePeerFields['/detect']!);
  app.post('/detect', { schema, preValidation }, async ({ body }) => {
    const text = listTexts(body.q).join('\n');
    const known = listLanguages(translatorsOf(registry)).map(({ code }) => code);
    if (known.length === 0)
      throw new KvasirError('model_not_found', 'no model is served here that can translate', {
        param: 'model',
      });
    return detectLanguages(text, known);
  });
}
