import { honoured, type PeerField } from '#routes/shared/peer-fields.js';

const tei = (...names: string[]): PeerField[] => honoured(['TEI'], ...names);

const truncation = ['truncate', 'truncation_direction'];

/** What becomes of each field that text-embeddings-inference has, by the address of the endpoint. */
export const teiPeerFields: Readonly<Record<string, readonly PeerField[]>> = {
  '/embed': tei('inputs', 'normalize', 'dimensions', 'prompt_name', ...truncation),
  '/embed_all': tei('inputs', 'prompt_name', ...truncation),
  '/embed_sparse': tei('inputs', 'prompt_name', ...truncation),
  '/predict': tei('inputs', 'raw_scores', ...truncation),
  '/rerank': tei('query', 'texts', 'raw_scores', 'return_text', ...truncation),
  '/similarity': tei(
    'inputs.source_sentence',
    'inputs.sentences',
    'parameters.prompt_name',
    ...truncation.map(name => `parameters.${name}`),
  ),
  '/tokenize': tei('inputs', 'add_special_tokens', 'prompt_name'),
  '/decode': tei('ids', 'skip_special_tokens'),
};
