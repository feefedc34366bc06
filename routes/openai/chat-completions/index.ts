import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { chatModel } from '../chat-model.js';
import { chatJob } from '#api/chat/job.js';
import type { RouteOptions } from '#http/route-options.js';
import { sendPieces } from '#http/json-answer.js';
import { sendEvents } from '#http/event-stream.js';
import { generateAll } from '#api/generation/generate-all.js';
import { reuseScope } from '#api/generation/reuse-scope.js';
import { systemFingerprint } from '../fingerprint.js';
import { chatPeerFields } from './peer-fields.js';
import { chatChunks, chatCompletion } from './response.js';
import { chatCompletionSchema, schemas } from './schema.js';
import { chatTask } from './task.js';

const chatCompletions: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { version }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(chatPeerFields);
  app.post('', { schema: chatCompletionSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = await chatModel(request, body.model);
    const id = `chatcmpl-${randomUUID()}`;
    const head = {
      id,
      created: Math.floor(Date.now() / 1000),
      model: model.id,
      system_fingerprint: systemFingerprint(version, model),
    };
    const job = await chatJob(
      { id, reuseScope: reuseScope(request.scope.apiKey, body.cache_salt) },
      chatTask(body),
      model,
      request.scope,
    );
    const events = generateAll(model.engine, job.requests, request.scope);
    if (!body.stream) return sendPieces(reply, await chatCompletion(head, job, events));
    return sendEvents(reply, chatChunks(head, job, events, body.stream_options ?? {}));
  });
};

export default chatCompletions;
