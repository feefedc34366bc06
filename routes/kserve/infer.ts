import type { Static } from 'typebox';
import type { FastifyRequest } from 'fastify';
import type { App } from '#http/app.js';
import type { PictureOptions } from '#http/route-options.js';
import { inTurns } from '#http/json-answer.js';
import { parseJson } from '#http/json.js';
import { validationError } from '#http/errors/validation.js';
import { refuse } from '#tensors/refusal.js';
import { pictureFiles, sees } from './picture-files.js';
import { readCall } from './request.js';
import { inferAnswer } from './response.js';
import { HEADER_LENGTH, InferRequest, inferSchema } from './schema.js';

type Fields = Static<typeof InferRequest>;

/** `POST /v2/models/{model}/infer` */
export function infer(app: App, pictures: PictureOptions): void {
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );

  for (const path of ['/models/:model/infer', '/models/:model/versions/:version/infer'] as const)
    app.post(
      path,
      { schema: { ...inferSchema, hide: path.includes('versions') } },
      async (request, reply) => {
        const { model: name } = request.params;
        const model = await request.model('tensors');
        const { fields, bytes } = split(request);
        const readFiles = sees(model) ? pictureFiles(request, model, pictures) : undefined;
        const { inputs, outputs } = await readCall(fields, bytes, model.tensors, readFiles);
        const results = await model.tensors.infer(
          inputs,
          outputs.map(output => output.name),
          request.scope,
        );
        const answer = inferAnswer(name, fields.id, results, outputs);
        const json = await inTurns(answer.json);
        if (answer.bytes.length === 0) return reply.type('application/json').send(json);
        const head = Buffer.from(json);
        return reply
          .header(HEADER_LENGTH, head.length)
          .type('application/octet-stream')
          .send(Buffer.concat([head, ...answer.bytes]));
      },
    );
}

/**
 * The JSON of a request and the bytes behind it.
 *
 * @throws KvasirError `invalid_request`
 */
function split(request: FastifyRequest): { fields: Fields; bytes: Uint8Array } {
  const { body, headers } = request;
  if (!Buffer.isBuffer(body)) {
    if (typeof body !== 'object' || body === null) refuse('the body must be an object', 'body');
    return { fields: body as Fields, bytes: new Uint8Array() };
  }
  const given = headers[HEADER_LENGTH];
  if (given === undefined) return refuse(`a binary body needs the header ${HEADER_LENGTH}`, HEADER_LENGTH);
  const length = Number(given);
  if (length > body.length)
    refuse(`${HEADER_LENGTH} is ${length}, but the body has ${body.length} bytes`, HEADER_LENGTH);
  let fields: unknown;
  try {
    fields = parseJson(body.toString('utf8', 0, length), 'it').value;
  } catch (error) {
    refuse(
      `the first ${length} bytes of the body are no JSON to be read: ${(error as Error).message}`,
      'body',
    );
  }
  const validate = request.compileValidationSchema(InferRequest);
  if (!validate(fields)) throw validationError(validate.errors ?? [], 'body');
  return { fields: fields as Fields, bytes: body.subarray(length) };
}
