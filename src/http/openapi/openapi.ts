import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { addExamples } from './examples.js';

/**
 * Collects the schemas of the routes that are registered after it, and serves them as an OpenAPI document and
 * as pages under `/docs`.
 */
export async function documentRoutes(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Kvasir',
        version,
        description:
          'Inference for transformer models. The API follows that of OpenAI: its clients work with `base_url` set to this server and `/v1`. Any request may say in the header `x-request-timeout` how many seconds it has, and in `x-request-id` what it is called in the log.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The server that this document comes from.' }],
      tags: [
        { name: 'Generation', description: 'Text from text.' },
        { name: 'Speech', description: 'Text from recordings.' },
        { name: 'Encoders', description: 'Vectors, labels and scores from text.' },
        { name: 'Tokens', description: 'Text to token ids and back.' },
        {
          name: 'Text Embeddings Inference',
          description: "The endpoints of Hugging Face's server of that name, for its clients.",
        },
        { name: 'LibreTranslate', description: 'Translation, for the clients of that server.' },
        {
          name: 'Open Inference Protocol',
          description: 'Models called with tensors, as KServe and Triton have it (version 2).',
        },
        { name: 'Models', description: 'What is served.' },
        { name: 'Health', description: 'For load balancers and orchestrators.' },
      ],
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description: 'Needed only where the server was given a key.',
          },
        },
      },
      security: [{}, { key: [] }],
    },
    convertConstToEnum: false,
    transformObject: source => {
      if (!('openapiObject' in source)) return source.swaggerObject;
      addExamples(source.openapiObject);
      return source.openapiObject;
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, index) =>
        typeof $id === 'string' ? $id : `Schema${index}`,
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });

  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/openapi.yaml', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/yaml').send(app.swagger({ yaml: true })),
  );
}
