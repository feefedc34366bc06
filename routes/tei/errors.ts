import { Type, type Static } from 'typebox';
import type { FastifyRequest } from 'fastify';
import { isTokenIds, MAX_INPUTS } from '#api/encoding/inputs.js';
import { invalidRequest } from '#errors.js';
import type { App } from '#http/app.js';
import type { Endpoints } from '#http/endpoints.js';
import type { ErrorBody } from '#http/errors/errors.js';
import { errorResponses, MODEL_ERRORS, type ErrorStatus } from '#http/schemas/shared.js';
import type { Source } from '#text/inputs.js';

const TeiError = Type.Object(
  {
    error: Type.String({ description: 'For people; may change.' }),
    error_type: Type.String({
      description: '`Validation`, `Empty`, `Tokenizer`, `Overloaded`, `Unhealthy` or `Backend`.',
    }),
    code: Type.Union([Type.String(), Type.Null()], {
      description: 'For programs; stable. The same as in the other endpoints.',
    }),
  },
  {
    $id: 'TeiError',
    description: 'What went wrong, in the shape that clients of text-embeddings-inference read.',
    examples: [{ error: 'inputs is required', error_type: 'Validation', code: 'invalid_request' }],
  },
);

/** How TEI names and numbers what is refused. */
interface Refusal {
  readonly status: number;
  readonly type: 'Empty' | 'Tokenizer' | 'Validation';
}

const BY_STATUS: Readonly<Record<number, string>> = {
  429: 'Overloaded',
  500: 'Backend',
  503: 'Unhealthy',
  504: 'Backend',
};

const EMPTY: Refusal = { status: 400, type: 'Empty' };
const TOO_MANY: Refusal = { status: 413, type: 'Validation' };
const TOO_LONG: Refusal = { status: 422, type: 'Validation' };
/** For texts and token ids that the schema allows and the model's tokenizer does not. */
const UNREADABLE: Refusal = { status: 422, type: 'Tokenizer' };

/** Fields whose texts or token ids are read by the tokenizer. */
const TEXTS = /^(inputs|texts|query|ids)\b/;

/** Addresses whose errors have OpenAI's shape. */
const OPENAI = /^\/(v1\/|invocations$)/;

/** Addresses that hand requests on, before anybody knows which fields they may have. */
const HANDING = new Set(['/', '/invocations']);

const refusals = new WeakMap<FastifyRequest, Refusal>();
/** Requests whose bodies are as the schema of their address says. */
const valid = new WeakSet<FastifyRequest>();

/**
 * Tells the same errors as everywhere in TEI's shape and with its statuses; those of endpoints of another
 * protocol that a request was handed to keep theirs.
 */
export function answerErrors(app: App, endpoints: Endpoints): void {
  app.addSchema(TeiError);
  app.addHook('preValidation', async request => checkLists(request));
  app.addHook('preHandler', async request => {
    if (!HANDING.has(request.routeOptions.url!)) valid.add(request);
  });
  app.addHook('preSerialization', async (request, reply, payload) => {
    const url = endpoints.handedTo(request) ?? request.routeOptions.url!;
    if (reply.statusCode < 400 || OPENAI.test(url)) return payload;
    const body = payload as ErrorBody;
    const isValid = valid.has(request) || endpoints.isValid(request);
    const refusal = refusals.get(request) ?? refusalOf(body, isValid);
    if (refusal !== undefined) void reply.code(refusal.status);
    return teiError(reply.statusCode, body, refusal?.type);
  });
}

/** @param isValid whether the schema allows the request's body. */
function refusalOf({ error: { code, param } }: ErrorBody, isValid: boolean): Refusal | undefined {
  if (code === 'context_length_exceeded') return TOO_LONG;
  return code === 'invalid_request' && isValid && TEXTS.test(param ?? '') ? UNREADABLE : undefined;
}

/** Refuses lists that have nothing in them, or too much. */
function checkLists(request: FastifyRequest): void {
  const { inputs, ...others } = Object(request.body) as Readonly<Record<string, unknown>>;
  const { sentences } = Object(inputs) as { sentences?: unknown };
  const lists: Readonly<Record<string, unknown>> = {
    inputs,
    'inputs.sentences': sentences,
    texts: others.texts,
    ids: others.ids,
  };
  for (const [param, list] of Object.entries(lists)) {
    if (!isList(list)) continue;
    if (list.length === 0) refuseAs(EMPTY, request, param, `${param} cannot be empty`);
    const empty = list.findIndex(item => Array.isArray(item) && item.length === 0);
    if (empty >= 0) refuseAs(EMPTY, request, `${param}[${empty}]`, `${param}[${empty}] cannot be empty`);
    if (list.length > MAX_INPUTS && !isTokenIds(list))
      refuseAs(
        TOO_MANY,
        request,
        param,
        `${param} must have at most ${MAX_INPUTS} items, it has ${list.length}`,
      );
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** @throws KvasirError `invalid_request` for a text, or both texts of a pair, without a character. */
export function refuseEmpty(request: FastifyRequest, sources: readonly Source[]): void {
  for (const source of sources)
    if ('text' in source && source.text === '' && (source.pair ?? '') === '')
      refuseAs(EMPTY, request, source.param, `${source.param} cannot be empty`);
}

function refuseAs(refusal: Refusal, request: FastifyRequest, param: string, message: string): never {
  refusals.set(request, refusal);
  throw invalidRequest(param, message);
}

function teiError(
  status: number,
  { error: { message, code } }: ErrorBody,
  type?: Refusal['type'],
): Static<typeof TeiError> {
  return { error: message, error_type: type ?? BY_STATUS[status] ?? 'Validation', code };
}

/** As `errorResponses`. */
export function teiErrorResponses<S extends ErrorStatus>(statuses: readonly S[]): Record<S, object> {
  return errorResponses(statuses, TeiError, (status, error) => teiError(status, error));
}

/** What a request with a body may be answered with. */
export const TEI_ERRORS = [...MODEL_ERRORS, 422] as const;
