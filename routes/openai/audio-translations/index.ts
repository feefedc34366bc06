import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '#http/route-options.js';
import { audioEndpoint } from '../audio/index.js';
import { translationPeerFields } from './peer-fields.js';
import { SpeechTranslationRequest, translationSchema } from './schema.js';

const audioTranslations: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) =>
  audioEndpoint(
    app,
    {
      task: 'translate',
      request: SpeechTranslationRequest,
      schema: translationSchema,
      peerFields: translationPeerFields,
    },
    options,
  );

export default audioTranslations;
