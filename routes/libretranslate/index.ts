import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '#http/route-options.js';
import { detect } from './detect.js';
import { answerErrors } from './errors.js';
import { readForms } from './forms.js';
import { languages } from './languages.js';
import { settings } from './settings.js';
import { translate } from './translate.js';

/**
 * The endpoints of LibreTranslate, for its clients, over all models that translate: which one does is up to the
 * languages.
 */
export const libretranslate: FastifyPluginAsyncTypebox<RouteOptions> = async (
  app,
  { registry, corsOrigins },
) => {
  answerErrors(app);
  readForms(app, corsOrigins);
  for (const add of [translate, detect, languages, settings]) add(app, registry);
};
