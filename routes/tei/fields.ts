import { Type } from 'typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { promptFields, TokenIds, truncationFields } from '#routes/shared/fields.js';

/** The group of the endpoints in the documentation. */
export const TAG = 'Text Embeddings Inference';

/** What becomes of inputs that are too long. */
export const truncation = {
  truncate: truncationFields.truncate,
  truncation_direction: truncationFields.truncation_direction,
};

/** A prompt of the model. */
export const { prompt_name: promptName } = promptFields;

/** Texts, or the token ids of such, of which vectors are to be made. */
export const EmbeddingInputs = Type.Union(
  [
    Type.String(),
    TokenIds,
    Type.Array(Type.Union([Type.String(), TokenIds]), { minItems: 1, maxItems: MAX_INPUTS }),
  ],
  { description: 'A text, several texts, or the same as token ids.' },
);
