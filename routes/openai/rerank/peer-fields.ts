import { honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';
import { poolingFields, userField } from '../pooling-fields.js';

/** What becomes of each field that peers have in a request for a ranking. */
export const rerankPeerFields: readonly PeerField[] = [
  ...honoured(['vLLM', 'llama.cpp', 'Cohere', 'Jina'], 'query', 'documents', 'top_n'),
  ...honoured(['Cohere', 'Jina'], 'return_documents'),
  ...poolingFields,
  ...userField,
  ...refused(['Cohere'], 'use truncate_prompt_tokens', ['max_tokens_per_doc', 'max_chunks_per_doc']),
  ...refused(['Jina'], 'use truncate_prompt_tokens', ['max_doc_length', 'max_query_length']),
  ...refused(['Cohere'], 'only the field text of a document is read', ['rank_fields'], [[], ['text']]),
  ...honoured(['Cohere', 'Jina'], 'documents[].image', 'documents[].image_url'),
  ...honoured(['vLLM'], 'documents[].content'),
  ...refused(['Jina'], 'no embeddings are given', ['return_embeddings']),
  ...honoured(['vLLM'], 'instruction'),
  ...refused(['TEI', 'llama.cpp'], 'use documents, or /rerank', ['texts']),
];
