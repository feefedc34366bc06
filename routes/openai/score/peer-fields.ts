import { honoured, type PeerField } from '#routes/shared/peer-fields.js';
import { poolingFields, userField } from '../pooling-fields.js';

/** What becomes of each field that peers have in a request for the scores of pairs. */
export const scorePeerFields: readonly PeerField[] = [
  ...honoured(['vLLM'], 'text_1', 'text_2', 'queries', 'documents', 'items', 'data_1', 'data_2'),
  ...poolingFields,
  ...userField,
  ...honoured(['vLLM'], 'instruction'),
];
