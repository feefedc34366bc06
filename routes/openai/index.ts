import type { FastifyPluginAsync } from 'fastify';
import { takePictureForms } from '#http/forms/picture-forms.js';
import type { RouteOptions } from '#http/route-options.js';
import { takeManyTexts } from '#routes/shared/texts-limit.js';
import { transcriptSchemas } from './audio/schema.js';
import audioTranscriptions from './audio-transcriptions/index.js';
import audioTranslations from './audio-translations/index.js';
import chatCompletions from './chat-completions/index.js';
import classify from './classify/index.js';
import completions from './completions/index.js';
import detokenize from './detokenize/index.js';
import embeddings from './embeddings/index.js';
import fillMask from './fill-mask/index.js';
import models from './models/index.js';
import questionAnswering from './question-answering/index.js';
import rerank from './rerank/index.js';
import responses from './responses/index.js';
import score from './score/index.js';
import tokenClassification from './token-classification/index.js';
import tokenize from './tokenize/index.js';

/** Endpoints by their address below `/v1`. */
const ENDPOINTS = {
  'audio/transcriptions': audioTranscriptions,
  'audio/translations': audioTranslations,
  'chat/completions': chatCompletions,
  classify,
  completions,
  detokenize,
  embeddings,
  'fill-mask': fillMask,
  models,
  'question-answering': questionAnswering,
  rerank,
  responses,
  score,
  'token-classification': tokenClassification,
  tokenize,
};

/** Those that take many texts at once. */
const OF_ENCODERS = new Set<string>([
  'classify',
  'embeddings',
  'fill-mask',
  'question-answering',
  'rerank',
  'score',
  'token-classification',
] satisfies (keyof typeof ENDPOINTS)[]);

/** Those that take pictures as well. */
const OF_PICTURES = new Set<string>([
  'classify',
  'embeddings',
  'rerank',
  'score',
] satisfies (keyof typeof ENDPOINTS)[]);

/**
 * OpenAI's API, and in its manner what it lacks: vLLM's endpoints, and those for the other heads of encoders.
 */
export const openai: FastifyPluginAsync<RouteOptions> = async (app, options) => {
  for (const schema of transcriptSchemas) app.addSchema(schema);
  for (const [path, endpoint] of Object.entries(ENDPOINTS))
    await app.register(async scope => {
      if (OF_ENCODERS.has(path)) takeManyTexts(scope, options);
      if (OF_PICTURES.has(path)) takePictureForms(scope, options.corsOrigins);
      await scope.register(endpoint, { ...options, prefix: `/v1/${path}` });
    });
};
