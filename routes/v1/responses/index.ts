import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { chatJob } from '#http/chat/job.js';
import { clientGone } from '#http/disconnect.js';
import { sendTypedEvents } from '#http/event-stream.js';
import { generateAll } from '#http/generation.js';
import type { RouteOptions } from '#http/route-options.js';
import { generationModel } from '#http/served-model.js';
import { responseEvents, ResponseWriter, wholeResponse } from './response.js';
import { responseSchema, schemas } from './schema.js';
import { responseTask } from './task.js';

const responses: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  app.post('', { schema: responseSchema }, async (request, reply) => {
    const { body } = request;
    const model = generationModel(registry, body.model);
    const id = `resp_${randomUUID().replaceAll('-', '')}`;
    const job = chatJob(id, responseTask(body), model);
    const writer = new ResponseWriter(id, body, model.id, job);
    const events = generateAll(model.engine, job.requests, clientGone(reply));
    if (!body.stream) return wholeResponse(writer, job, events);
    return sendTypedEvents(reply, responseEvents(writer, job, events));
  });
};

export default responses;
