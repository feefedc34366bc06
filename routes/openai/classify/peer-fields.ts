import { honoured, type PeerField } from '#routes/shared/peer-fields.js';
import { conversationInputFields, poolingFields, userField } from '../pooling-fields.js';

/** What becomes of each field that peers have in a request for a classification. */
export const classifyPeerFields: readonly PeerField[] = [
  ...honoured(['vLLM', 'Jina'], 'input'),
  ...poolingFields,
  ...conversationInputFields,
  ...userField,
];
