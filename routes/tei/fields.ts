import { promptFields, truncationFields } from '#routes/shared/fields.js';

/** The group of the endpoints in the documentation. */
export const TAG = 'Text Embeddings Inference';

/** What becomes of inputs that are too long. */
export const truncation = {
  truncate: truncationFields.truncate,
  truncation_direction: truncationFields.truncation_direction,
};

/** A prompt of the model. */
export const { prompt_name: promptName } = promptFields;
