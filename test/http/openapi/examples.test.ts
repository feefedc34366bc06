import t from 'tap';
import { addExamples } from '#http/openapi/examples.js';

t.test("a schema's first example stands beside it, but for where there is one already", async t => {
  const schema = { $ref: '#/components/schemas/Fox' };
  const document = {
    paths: {
      '/fox': {
        post: {
          requestBody: { content: { 'application/json': { schema } } },
          responses: {
            200: { content: { 'application/json': { schema, example: 'own' } } },
            400: { content: { 'application/json': { schema: { examples: [3, 4] } } } },
            500: { description: 'no body' },
          },
        },
      },
    },
    components: { schemas: { Fox: { examples: [1, 2] } } },
  };
  addExamples(document);
  const { requestBody, responses } = document.paths['/fox'].post;
  t.match(requestBody.content['application/json'], { example: 1 });
  t.match(responses[200].content['application/json'], { example: 'own' });
  t.match(responses[400].content['application/json'], { example: 3 });
});

t.test('binary bodies are said to be so', async t => {
  const content: Record<string, object> = {
    'application/octet-stream': { schema: { description: 'bytes' } },
  };
  addExamples({ paths: { '/': { post: { responses: { 200: { content } } } } } });
  t.strictSame(content, {
    'application/octet-stream': { schema: { description: 'bytes', type: 'string', format: 'binary' } },
  });
});

t.test('files of forms are binary', async t => {
  const Form = {
    properties: { file: { type: 'object', title: 'file', description: 'sound' }, model: { type: 'string' } },
  };
  const schema = { $ref: '#/components/schemas/Form' };
  addExamples({
    paths: { '/': { post: { requestBody: { content: { 'multipart/form-data': { schema } } } } } },
    components: { schemas: { Form } },
  });
  t.strictSame(Form.properties, {
    file: { type: 'string', format: 'binary', description: 'sound' },
    model: { type: 'string' },
  });
});
