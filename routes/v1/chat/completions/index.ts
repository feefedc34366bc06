import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { chatJob } from '#http/chat/job.js';
import { clientGone } from '#http/disconnect.js';
import { sendEvents } from '#http/event-stream.js';
import { generateAll } from '#http/generation.js';
import type { RouteOptions } from '#http/route-options.js';
import { generationModel } from '#http/served-model.js';
import { chatChunks, chatCompletion } from './response.js';
import { chatCompletionSchema, schemas } from './schema.js';
import { chatTask } from './task.js';

const chatCompletions: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: chatCompletionSchema }, async (request, reply) => {
    const { body } = request;
    const model = generationModel(registry, body.model);
    const id = `chatcmpl-${randomUUID()}`;
    const head = { id, created: Math.floor(Date.now() / 1000), model: model.id };
    const job = chatJob(id, chatTask(body), model);
    const events = generateAll(model.engine, job.requests, clientGone(reply));
    if (!body.stream) return chatCompletion(head, job, events);
    return sendEvents(reply, chatChunks(head, job, events, body.stream_options?.include_usage ?? false));
  });
};

export default chatCompletions;
