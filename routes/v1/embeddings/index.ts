import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientGone } from '#http/disconnect.js';
import { embed } from '#http/encoders/embed.js';
import { formatEmbedding } from '#http/encoders/embedding-format.js';
import { inputLimit } from '#http/encoders/inputs.js';
import { encoderModel, nameModel } from '#http/encoders/models.js';
import { inputUsage } from '#http/encoders/usage.js';
import { plainJson } from '#http/plain-json.js';
import type { RouteOptions } from '#http/route-options.js';
import { readInput } from './input.js';
import { embeddingsSchema, schemas } from './schema.js';

const embeddings: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const options = {
    schema: embeddingsSchema,
    preValidation: nameModel(registry, 'embed'),
    serializerCompiler: plainJson,
  };
  app.post('', options, async (request, reply) => {
    const { body } = request;
    const model = encoderModel(registry, body.model, 'embed');
    const wanted = {
      limit: inputLimit(body, model),
      dimensions: body.dimensions ?? undefined,
      normalize: body.normalize ?? true,
    };
    const { vectors, tokens } = await embed(model, readInput(body.input), wanted, clientGone(reply));
    const format = body.encoding_format ?? 'float';
    return {
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: formatEmbedding(vector, format),
      })),
      model: model.id,
      usage: inputUsage(tokens),
    };
  });
};

export default embeddings;
