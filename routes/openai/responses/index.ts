import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { chatModel } from '../chat-model.js';
import { chatJob } from '#api/chat/job.js';
import { sendPieces } from '#http/json-answer.js';
import { sendTypedEvents } from '#http/event-stream.js';
import { generateAll } from '#api/generation/generate-all.js';
import { reuseScope } from '#api/generation/reuse-scope.js';
import { responsePeerFields } from './peer-fields.js';
import { responseEvents, ResponseWriter, wholeResponse } from './response.js';
import { responseSchema, schemas } from './schema.js';
import { responseTask } from './task.js';

const responses: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(responsePeerFields);
  app.post('', { schema: responseSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = await chatModel(request, body.model);
    const id = `resp_${randomUUID().replaceAll('-', '')}`;
    const job = await chatJob(
      { id, reuseScope: reuseScope(request.scope.apiKey, body.cache_salt) },
      responseTask(body),
      model,
      request.scope,
    );
    const writer = new ResponseWriter(id, body, model.id, job);
    const events = generateAll(model.engine, job.requests, request.scope);
    if (!body.stream) return sendPieces(reply, [JSON.stringify(await wholeResponse(writer, job, events))]);
    return sendTypedEvents(reply, responseEvents(writer, job, events));
  });
};

export default responses;
