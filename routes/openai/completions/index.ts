import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { refuseFields } from '#routes/shared/peer-fields.js';
import type { RouteOptions } from '#http/route-options.js';
import { sendPieces } from '#http/json-answer.js';
import { sendEvents } from '#http/event-stream.js';
import { generateAll } from '#api/generation/generate-all.js';
import { reuseScope } from '#api/generation/reuse-scope.js';
import { completionJob } from '#api/completion/job.js';
import { askedResponseFormat, askedStructure } from '../asked-structure.js';
import { systemFingerprint } from '../fingerprint.js';
import { completionPeerFields } from './peer-fields.js';
import { completion, completionChunks } from './response.js';
import { completionSchema, schemas } from './schema.js';

const completions: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { version }) => {
  for (const schema of schemas) app.addSchema(schema);

  const preValidation = refuseFields(completionPeerFields);
  app.post('', { schema: completionSchema, preValidation }, async (request, reply) => {
    const { body } = request;
    const model = await request.model('complete');
    const id = `cmpl-${randomUUID()}`;
    const created = Math.floor(Date.now() / 1000);
    const head = {
      id,
      object: 'text_completion',
      created,
      model: model.id,
      system_fingerprint: systemFingerprint(version, model),
    } as const;
    const job = await completionJob(
      { id, reuseScope: reuseScope(request.scope.apiKey, body.cache_salt) },
      body,
      askedStructure(body, askedResponseFormat(body.response_format)),
      model,
      request.scope,
    );
    const events = generateAll(model.engine, job.requests, request.scope);
    if (!body.stream) return sendPieces(reply, await completion(head, job, events));
    return sendEvents(reply, completionChunks(head, job, events, body.stream_options ?? {}));
  });
};

export default completions;
