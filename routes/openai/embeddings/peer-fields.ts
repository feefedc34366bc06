import { honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';
import { conversationInputFields, poolingFields, userField } from '../pooling-fields.js';

/** What becomes of each field that peers have in a request for embeddings. */
export const embeddingsPeerFields: readonly PeerField[] = [
  ...honoured(['OpenAI', 'vLLM', 'llama.cpp', 'TEI', 'Jina'], 'input'),
  ...honoured(['OpenAI', 'vLLM', 'TEI', 'Jina'], 'encoding_format', 'dimensions'),
  ...honoured(['vLLM'], 'embed_dtype', 'endianness'),
  ...honoured(['TEI'], 'prompt_name', 'normalize', 'truncate'),
  ...poolingFields,
  ...conversationInputFields,
  ...userField,
  ...honoured(['Jina'], 'task'),
  ...refused(['Jina'], 'use normalize', ['normalized'], [true]),
  ...refused(['Jina'], 'use encoding_format', ['embedding_type'], ['float']),
  ...refused(['Jina'], 'texts are embedded each by itself', ['late_chunking']),
  ...refused(['Jina'], 'use /embed_all', ['return_multivector']),
  ...refused(['Jina'], 'texts are embedded as they are', ['input_type']),
  ...refused(['llama.cpp'], 'use normalize', ['embd_normalize'], [2]),
  ...refused(['llama.cpp'], 'use input', ['content']),
];
