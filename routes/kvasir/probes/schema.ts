import { Type } from 'typebox';
import { errorBody } from '#http/errors/errors.js';
import { ErrorSchema, json, refTo } from '#http/schemas/shared.js';

const response = {
  200: json('They are.', Type.Object({ status: Type.String({ const: 'ok' }) }), { status: 'ok' }),
  503: json(
    'They are not.',
    refTo(ErrorSchema),
    errorBody('server_error', 'models are being loaded', { code: 'loading' }),
  ),
};

export const healthSchema = {
  operationId: 'health',
  summary: 'Are requests served?',
  description:
    'The probe of vLLM, text-embeddings-inference and llama.cpp: yes where both `/health/live` and `/health/ready` say yes.',
  tags: ['Health'],
  security: [],
  response,
};

export const pingSchema = {
  operationId: 'ping',
  summary: 'Are requests served?',
  description: 'The probe of SageMaker; the same as `/health`.',
  tags: ['Health'],
  security: [],
  response,
};

export const versionSchema = {
  operationId: 'version',
  summary: 'Tell the version',
  description: "The server's version, in the form of vLLM.",
  tags: ['Health'],
  security: [],
  response: {
    200: json('The version.', Type.Object({ version: Type.String() }), { version: '0.1.0' }),
  },
};
