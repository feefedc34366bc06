import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { embed } from '#api/encoding/embed.js';
import { sendBytes } from './bytes-answer.js';
import { formatEmbedding } from './embedding-format.js';
import { textLimit } from '#api/encoding/inputs.js';
import { inputUsage } from '../input-usage.js';
import { plainJson } from '#http/plain-json.js';
import type { RouteOptions } from '#http/route-options.js';
import { abilityFor } from '#routes/shared/input-kinds.js';
import { refuseFields } from '#routes/shared/peer-fields.js';
import { readInputs } from '#routes/shared/read-inputs.js';
import { RequestPictures } from '#routes/shared/request-pictures.js';
import { embeddingsPeerFields } from './peer-fields.js';
import { embeddingsSchema, schemas } from './schema.js';

const embeddings: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { pictures }) => {
  for (const schema of schemas) app.addSchema(schema);

  const options = {
    schema: embeddingsSchema,
    serializerCompiler: plainJson,
    preValidation: refuseFields(embeddingsPeerFields),
  };
  app.post('', options, async (request, reply) => {
    const { body } = request;
    const sources = readInputs(body, new RequestPictures(request, pictures));
    const model = await request.model(abilityFor('embed', sources));
    const wanted = {
      limit: textLimit(body, model),
      dimensions: body.dimensions ?? undefined,
      normalize: body.normalize ?? body.use_activation ?? undefined,
      prompt: body,
    };
    const { vectors, tokens } = await embed(model, sources, wanted, request.scope);
    const { encoding_format: format } = body;
    if (format === 'bytes' || format === 'bytes_only')
      return sendBytes(reply, model.id, vectors, body, inputUsage(tokens), format === 'bytes');
    return {
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: formatEmbedding(vector, format ?? 'float', body),
      })),
      model: model.id,
      usage: inputUsage(tokens),
    };
  });
};

export default embeddings;
