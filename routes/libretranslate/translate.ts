import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { mapInTurns } from '#turns.js';
import { reuseScope } from '#api/generation/reuse-scope.js';
import { detectLanguages, type DetectedLanguage } from '#api/translation/detect.js';
import { readableText } from '#api/translation/html-runs.js';
import { chooseTranslator, sameLanguage, sourcesFor, type Translator } from '#api/translation/languages.js';
import { translate as translateAll, type Translation } from '#api/translation/translate.js';
import type { App } from '#http/app.js';
import { nullable, nullableEnum } from '#http/schemas/nullable.js';
import { json, refTo } from '#http/schemas/shared.js';
import type { ModelRegistry } from '#registry/types.js';
import { MAX_NAME, modelField } from '#routes/shared/fields.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { LibreTranslateDetection } from './detect.js';
import { libreTranslateErrors, WITH_BODY } from './errors.js';
import { apiKeyField, listTexts, TAG, textsField } from './fields.js';
import { CONSUMES } from './forms.js';
import { libreTranslatePeerFields } from './peer-fields.js';
import { translatorsOf } from './translators.js';

/** Most further translations of a text. */
const MAX_ALTERNATIVES = 31;

/** In place of a language: find it out. */
const AUTO = 'auto';

const LibreTranslateRequest = Type.Object(
  {
    model: modelField('opus-mt-en-de'),
    q: textsField('to translate'),
    source: Type.String({
      minLength: 1,
      maxLength: MAX_NAME,
      description:
        "The language of the texts: a tag (BCP 47), or a model's own code. `auto`: find out, for all texts together.",
    }),
    target: Type.String({ minLength: 1, maxLength: MAX_NAME, description: 'The language to write.' }),
    format: nullableEnum(['text', 'html'], {
      default: 'text',
      description:
        '`html`: markup stays as it is, and so do scripts, styles, code, and what has `translate="no"`.',
    }),
    alternatives: nullable(
      Type.Integer({
        minimum: 0,
        maximum: MAX_ALTERNATIVES,
        default: 0,
        description:
          'Find so many more translations of each text, by beam search with one beam more. There may be fewer; of HTML there are none.',
      }),
    ),
    api_key: apiKeyField,
  },
  {
    $id: 'LibreTranslateRequest',
    examples: [{ q: 'Hello world!', source: 'en', target: 'de' }],
  },
);

const LibreTranslateResponse = Type.Object(
  {
    translatedText: Type.Union([Type.String(), Type.Array(Type.String())], {
      description: 'The translation; a list where `q` is one.',
    }),
    detectedLanguage: Type.Optional(
      Type.Union([refTo(LibreTranslateDetection), Type.Array(refTo(LibreTranslateDetection))], {
        description: 'With `auto`; the same for all texts.',
      }),
    ),
    alternatives: Type.Optional(
      Type.Union([Type.Array(Type.String()), Type.Array(Type.Array(Type.String()))], {
        description: 'Where they are asked for: the better ones first.',
      }),
    ),
  },
  { $id: 'LibreTranslateResponse', examples: [{ translatedText: 'Hallo Welt!' }] },
);

const schema = {
  operationId: 'libreTranslate',
  summary: 'Translate texts',
  description:
    'Texts are translated sentence by sentence, all at the same time; line breaks and white space between stay as they are. The first model that translates between the languages does it, or the one that `model` names.',
  tags: [TAG],
  consumes: CONSUMES,
  body: refTo(LibreTranslateRequest),
  response: {
    200: json('The translations.', refTo(LibreTranslateResponse)),
    ...libreTranslateErrors(WITH_BODY),
  },
};

/** `POST /translate` */
export function translate(app: App, registry: ModelRegistry): void {
  app.addSchema(LibreTranslateRequest);
  app.addSchema(LibreTranslateResponse);

  const preValidation = refuseFields(libreTranslatePeerFields['/translate']!);
  app.post('/translate', { schema, preValidation }, async request => {
    const { body, scope } = request;
    const { target } = body;
    const format = body.format ?? 'text';
    const alternatives = body.alternatives ?? 0;
    const texts = listTexts(body.q);
    const translators = translatorsOf(registry, body.model);
    const detected =
      body.source === AUTO ? await detectSource(texts, format, translators, target) : undefined;
    const source = detected?.language ?? body.source;
    const unchanged = (): Translation[] => texts.map(text => ({ text, alternatives: [] }));
    const translated = async (): Promise<Translation[]> => {
      const choice = chooseTranslator(translators, source, target);
      const model = await request.model('translate', choice.translator.id);
      const id = `translate-${randomUUID()}`;
      const task = {
        id,
        reuseScope: reuseScope(scope.apiKey, undefined),
        texts,
        format,
        alternatives,
        ...choice,
      };
      return translateAll(task, model, scope);
    };
    const translations = sameLanguage(translators, source, target) ? unchanged() : await translated();
    const form = <T>(values: readonly T[]): T | readonly T[] =>
      typeof body.q === 'string' ? values[0]! : values;
    return {
      translatedText: form(translations.map(({ text }) => text)),
      ...(detected && { detectedLanguage: form(texts.map(() => detected)) }),
      ...(alternatives > 0 && { alternatives: form(translations.map(({ alternatives: others }) => others)) }),
    };
  });
}

/** The language of texts, among those that a model translates to the target, and the target itself. */
async function detectSource(
  texts: readonly string[],
  format: 'text' | 'html',
  translators: readonly Translator[],
  target: string,
): Promise<DetectedLanguage> {
  const among = sourcesFor(translators, target);
  const read = format === 'html' ? await mapInTurns(texts, readableText) : texts;
  const [detected] = await detectLanguages(read.join('\n'), among);
  return detected!;
}
