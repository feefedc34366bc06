import t from 'tap';
import { KvasirError, type ErrorCode } from '#errors.js';
import { toHttpError } from '#http/errors/errors.js';

t.test('every code has its status', async t => {
  const expected: Record<ErrorCode, [status: number, type: string]> = {
    invalid_request: [400, 'invalid_request_error'],
    context_length_exceeded: [400, 'invalid_request_error'],
    body_too_large: [413, 'invalid_request_error'],
    model_not_found: [404, 'invalid_request_error'],
    queue_full: [429, 'rate_limit_error'],
    rate_limit_exceeded: [429, 'rate_limit_error'],
    invalid_api_key: [401, 'authentication_error'],
    host_not_allowed: [403, 'invalid_request_error'],
    overloaded: [503, 'server_error'],
    broken_model: [500, 'server_error'],
    deadline_exceeded: [504, 'server_error'],
    cancelled: [499, 'invalid_request_error'],
    shutting_down: [503, 'server_error'],
    invalid_model: [500, 'server_error'],
    unsupported_model: [500, 'server_error'],
    runtime_failure: [500, 'server_error'],
    runtime_unavailable: [500, 'server_error'],
    invalid_configuration: [500, 'server_error'],
    access_denied: [500, 'server_error'],
    download_failed: [500, 'server_error'],
    storage_full: [500, 'server_error'],
  };
  for (const [code, [status, type]] of Object.entries(expected) as [ErrorCode, [number, string]][]) {
    const { status: actual, body } = toHttpError(new KvasirError(code, 'in /some/path', { param: 'x' }));
    t.match({ actual, body }, { actual: status, body: { error: { type, code, param: 'x' } } }, code);
    t.equal(
      body.error.message.includes('/some/path'),
      status !== 500,
      'only what clients can act on is told',
    );
  }
});

t.test('when to come again', async t => {
  t.equal(toHttpError(new KvasirError('queue_full', '')).retryAfter, 1);
  t.equal(toHttpError(new KvasirError('shutting_down', '')).retryAfter, 5);
  t.equal(toHttpError(new KvasirError('runtime_failure', '')).retryAfter, undefined);
});

t.test('what is no KvasirError', async t => {
  const tooLarge = Object.assign(new Error('Request body is too large'), { statusCode: 413 });
  t.match(toHttpError(tooLarge), {
    status: 413,
    body: { error: { message: 'Request body is too large', code: 'body_too_large', param: null } },
  });
  for (const error of [
    new TypeError('secret'),
    Object.assign(new Error('secret'), { statusCode: 502 }),
    'secret',
    undefined,
  ]) {
    const { status, body } = toHttpError(error);
    t.match(
      { status, body },
      { status: 500, body: { error: { type: 'server_error', code: 'internal_error' } } },
    );
    t.notMatch(JSON.stringify(body), /secret/);
  }
});
