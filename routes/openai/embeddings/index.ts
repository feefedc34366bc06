import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { embed } from '#api/encoding/embed.js';
import { formatEmbedding } from './embedding-format.js';
import { inputLimit, mixedSources } from '#api/encoding/inputs.js';
import { inputUsage } from '../input-usage.js';
import { plainJson } from '#http/plain-json.js';
import { embeddingsSchema, schemas } from './schema.js';

const embeddings: FastifyPluginAsyncTypebox = async app => {
  for (const schema of schemas) app.addSchema(schema);

  const options = {
    schema: embeddingsSchema,
    serializerCompiler: plainJson,
  };
  app.post('', options, async request => {
    const { body } = request;
    const model = await request.model('embed');
    const wanted = {
      limit: inputLimit(body, model),
      dimensions: body.dimensions ?? undefined,
      normalize: body.normalize ?? true,
    };
    const { vectors, tokens } = await embed(model, mixedSources('input', body.input), wanted, request.scope);
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
