import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '#http/route-options.js';
import { audioEndpoint } from '../audio/index.js';
import { transcriptionPeerFields } from './peer-fields.js';
import { TranscriptionRequest, transcriptionSchema } from './schema.js';

const audioTranscriptions: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) =>
  audioEndpoint(
    app,
    {
      task: 'transcribe',
      request: TranscriptionRequest,
      schema: transcriptionSchema,
      peerFields: transcriptionPeerFields,
    },
    options,
  );

export default audioTranscriptions;
