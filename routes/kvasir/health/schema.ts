import { Type } from 'typebox';
import { errorBody } from '#http/errors/errors.js';
import { ErrorSchema, json, refTo } from '#http/schemas/shared.js';

export const liveSchema = {
  operationId: 'isLive',
  summary: 'Does the process work?',
  description:
    'Says no when a model is stuck in a run, or the runtime fails in all its requests: only a new start of the process helps then.',
  tags: ['Health'],
  security: [],
  response: {
    200: json('It does.', Type.Object({ status: Type.String({ const: 'live' }) }), { status: 'live' }),
    503: json(
      'It should be started again.',
      refTo(ErrorSchema),
      errorBody('server_error', 'stories has not got anywhere for 130 seconds', { code: 'not_live' }),
    ),
  },
};

export const readySchema = {
  operationId: 'isReady',
  summary: 'Can it take requests?',
  description:
    'Says no until the models are loaded that are to be from the start, while none can be served or none gives finite numbers, and from the moment on at which the server is told to shut down.',
  tags: ['Health'],
  security: [],
  response: {
    200: json(
      'It can.',
      Type.Object({
        status: Type.String({ const: 'ready' }),
        models: Type.Array(Type.String(), {
          description: 'Names of the models, those that are loaded on demand included.',
        }),
        broken: Type.Optional(
          Type.Array(Type.String(), {
            description: 'Names of those whose last numbers were not finite; absent where there are none.',
          }),
        ),
        failed: Type.Optional(
          Type.Array(Type.String(), {
            description: 'Names of models that could not be loaded; the log says why.',
          }),
        ),
      }),
      { status: 'ready', models: ['stories', 'encoder'] },
    ),
    503: json(
      'It cannot.',
      refTo(ErrorSchema),
      errorBody('server_error', 'no model is served', { code: 'no_model' }),
    ),
  },
};
