import { Type, type Static } from 'typebox';
import type { App } from '#http/app.js';
import type { ErrorBody } from '#http/errors/errors.js';
import { errorResponses, type ErrorStatus } from '#http/schemas/shared.js';

const InferenceError = Type.Object(
  { error: Type.String({ description: 'For people; may change.' }) },
  {
    $id: 'InferenceError',
    description: 'What went wrong, in the shape of the Open Inference Protocol.',
    examples: [{ error: "input 'x' has the shape [3], but the model takes [2, 3]" }],
  },
);

/** Tells the same errors as everywhere, with the same status, in the protocol's shape. */
export function answerErrors(app: App): void {
  app.addSchema(InferenceError);
  app.addHook('preSerialization', async (_request, reply, payload) =>
    reply.statusCode < 400 ? payload : inferenceError(payload as ErrorBody),
  );
}

function inferenceError({ error: { message } }: ErrorBody): Static<typeof InferenceError> {
  return { error: message };
}

/** As `errorResponses`. */
export function inferenceErrors<S extends ErrorStatus>(statuses: readonly S[]): Record<S, object> {
  return errorResponses(statuses, InferenceError, (_status, error) => inferenceError(error));
}
