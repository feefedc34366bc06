import { Type } from '@fastify/type-provider-typebox';
import { invalidRequest } from '#errors.js';
import { MAX_NAME, truncationFields } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';

/** The group of the endpoints in the documentation. */
export const TAG = 'Text Embeddings Inference';

/** What becomes of inputs that are too long. */
export const truncation = {
  truncate: truncationFields.truncate,
  truncation_direction: truncationFields.truncation_direction,
};

export const promptName = nullable(
  Type.String({
    maxLength: MAX_NAME,
    description: 'Refused: the prompts of a sentence-transformers model are not known here.',
  }),
);

/**
 * To leave a prompt out would change the embeddings, and nobody would know.
 *
 * @throws KvasirError `invalid_request` where there is one.
 */
export function refusePrompt(name: string | null | undefined): void {
  if (name === null || name === undefined) return;
  throw invalidRequest('prompt_name', 'prompt_name is not supported: put the prompt in front of the texts');
}
