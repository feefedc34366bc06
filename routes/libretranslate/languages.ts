import { Type } from 'typebox';
import { listLanguages } from '#api/translation/languages.js';
import type { App } from '#http/app.js';
import { json, refTo } from '#http/schemas/shared.js';
import type { ModelRegistry } from '#registry/types.js';
import { COMMON, libreTranslateErrors } from './errors.js';
import { TAG } from './fields.js';
import { translatorsOf } from './translators.js';

const LibreTranslateLanguage = Type.Object(
  {
    code: Type.String({ description: 'A language tag (BCP 47).' }),
    name: Type.String({ description: 'In English.' }),
    targets: Type.Array(Type.String(), { description: 'Codes of languages that it is translated to.' }),
  },
  { $id: 'LibreTranslateLanguage' },
);

const schema = {
  operationId: 'libreTranslateLanguages',
  summary: 'List the languages',
  description: 'The languages that the served models translate from, all of them together.',
  tags: [TAG],
  response: {
    200: json('The languages.', Type.Array(refTo(LibreTranslateLanguage)), [
      { code: 'de', name: 'German', targets: ['en'] },
      { code: 'en', name: 'English', targets: ['de', 'fr'] },
    ]),
    ...libreTranslateErrors(COMMON),
  },
};

/** `GET /languages` */
export function languages(app: App, registry: ModelRegistry): void {
  app.addSchema(LibreTranslateLanguage);

  app.get('/languages', { schema }, async () => listLanguages(translatorsOf(registry)));
}
