import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '#http/route-options.js';
import { takeManyTexts } from '#routes/shared/texts-limit.js';
import { embed } from './embed.js';
import { embedAll } from './embed-all.js';
import { embedSparse } from './embed-sparse.js';
import { answerErrors } from './errors.js';
import { hosted } from './hosted.js';
import { info } from './info.js';
import { predict } from './predict.js';
import { rerank } from './rerank.js';
import { similarity } from './similarity.js';
import { decode, tokenize } from './tokens.js';

/**
 * The endpoints of Hugging Face's text-embeddings-inference (TEI), for its clients: bare lists in and out.
 * That server has one model; here the first that can do what is asked answers, or the one that `model` names.
 */
export const tei: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  const { registry, endpoints } = options;
  answerErrors(app, endpoints);
  takeManyTexts(app, options);
  for (const add of [embed, embedAll, embedSparse, predict, rerank, similarity, tokenize, decode]) add(app);
  info(app, registry);
  hosted(app, registry, endpoints);
};
