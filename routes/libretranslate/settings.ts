import { Type, type Static } from 'typebox';
import { listLanguages } from '#api/translation/languages.js';
import type { App } from '#http/app.js';
import { json, refTo } from '#http/schemas/shared.js';
import { describeLanguages } from '#text/languages/tags.js';
import type { ModelRegistry } from '#registry/types.js';
import { COMMON, libreTranslateErrors } from './errors.js';
import { MAX_CHARACTERS, TAG } from './fields.js';
import { translatorsOf } from './translators.js';

const Language = Type.Object({ code: Type.String(), name: Type.String() });

const ENGLISH = { code: 'en', name: 'English' };

/** @param target the language that a page begins with. */
function settingsFor(target: Static<typeof Language>) {
  return {
    charLimit: MAX_CHARACTERS,
    frontendTimeout: 500,
    apiKeys: false,
    keyRequired: false,
    suggestions: false,
    filesTranslation: false,
    supportedFilesFormat: [],
    language: { source: { code: 'auto', name: 'Auto Detect' }, target },
  };
}

const LibreTranslateSettings = Type.Object(
  {
    charLimit: Type.Integer({ description: 'Most characters of a request.' }),
    frontendTimeout: Type.Integer({
      description: 'How long a page may wait for the end of typing, in milliseconds.',
    }),
    apiKeys: Type.Boolean({ description: 'Whether keys are sold; never.' }),
    keyRequired: Type.Boolean({ description: 'Whether a request needs `api_key`; never.' }),
    suggestions: Type.Boolean({ description: 'Whether better translations may be sent; never.' }),
    filesTranslation: Type.Boolean({ description: 'Whether files are translated; never.' }),
    supportedFilesFormat: Type.Array(Type.String()),
    language: Type.Object(
      { source: Language, target: Language },
      { description: 'What a page begins with.' },
    ),
  },
  {
    $id: 'LibreTranslateSettings',
    examples: [settingsFor(ENGLISH)],
  },
);

const schema = {
  operationId: 'libreTranslateSettings',
  summary: 'Tell a page what it may do',
  description: "What LibreTranslate's pages, and those of others for it, ask before they are shown.",
  tags: [TAG],
  response: { 200: json('The settings.', refTo(LibreTranslateSettings)), ...libreTranslateErrors(COMMON) },
};

/** `GET /frontend/settings` */
export function settings(app: App, registry: ModelRegistry): void {
  app.addSchema(LibreTranslateSettings);

  app.get('/frontend/settings', { schema }, async () => {
    const targets = listLanguages(translatorsOf(registry)).flatMap(({ targets }) => targets);
    const [first = ENGLISH.code] = targets;
    const target = targets.includes(ENGLISH.code) ? ENGLISH : describeLanguages([first])[0]!;
    return settingsFor(target);
  });
}
