import { Type } from '@fastify/type-provider-typebox';
import { ErrorSchema, json, refTo } from '../../src/http/schemas/shared.js';

export const liveSchema = {
  operationId: 'isLive',
  summary: 'Is the process alive?',
  description: 'Says yes as long as the server answers at all.',
  tags: ['Health'],
  response: { 200: json('It is.', Type.Object({ status: Type.String({ const: 'live' }) })) },
};

export const readySchema = {
  operationId: 'isReady',
  summary: 'Can it take requests?',
  description: 'Says no while no model is loaded, and while the server is shutting down.',
  tags: ['Health'],
  response: {
    200: json(
      'It can.',
      Type.Object({
        status: Type.String({ const: 'ready' }),
        models: Type.Array(Type.String(), { description: 'Names of the models.' }),
      }),
    ),
    503: json('It cannot.', refTo(ErrorSchema)),
  },
};
