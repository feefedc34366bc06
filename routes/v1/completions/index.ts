import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientGone } from '#http/disconnect.js';
import { sendEvents } from '#http/event-stream.js';
import { generateAll } from '#http/generation.js';
import type { RouteOptions } from '#http/route-options.js';
import { generationModel } from '#http/served-model.js';
import { completionJob } from './job.js';
import { completion, completionChunks } from './response.js';
import { completionSchema, schemas } from './schema.js';

const completions: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: completionSchema }, async (request, reply) => {
    const { body } = request;
    const model = generationModel(registry, body.model);
    const id = `cmpl-${randomUUID()}`;
    const created = Math.floor(Date.now() / 1000);
    const head = { id, object: 'text_completion', created, model: model.id } as const;
    const job = completionJob(id, body, model);
    const events = generateAll(model.engine, job.requests, clientGone(reply));
    if (!body.stream) return completion(head, job, events);
    return sendEvents(
      reply,
      completionChunks(head, job, events, body.stream_options?.include_usage ?? false),
    );
  });
};

export default completions;
