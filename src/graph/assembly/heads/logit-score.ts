import type { ModelConfig } from '../../config.js';
import { int } from '../../onnx/attributes.js';
import type { LogitScore } from '../../sentence-logit-score.js';
import type { Head } from './head.js';

/**
 * One score of each text, `[texts, 1]`, of the logits of one or two tokens behind its last.
 *
 * @throws KvasirError `invalid_model` for a token that the vocabulary has not
 */
export function logitScore(
  config: ModelConfig,
  { trueId, falseId }: LogitScore,
  vocabularySize: number,
): Head {
  const ids = falseId === undefined ? [trueId] : [trueId, falseId];
  const beyond = ids.find(id => id >= vocabularySize);
  if (beyond !== undefined)
    config.invalid(`LogitScore reads the logit of token ${beyond}, of a vocabulary of ${vocabularySize}`);
  return {
    listed: 'last',
    width: 1,
    readsVocabulary: true,
    write({ graph }, _hidden, logitsOf) {
      const logits = logitsOf!(ids);
      if (falseId === undefined) return logits;
      const [yes, no] = [0, 1].map(index =>
        graph.node({
          op: 'Gather',
          inputs: [logits, graph.constant(`score.${index}.place`, [1], [index])],
          name: `score.${index}`,
          attributes: { axis: int(1) },
        }),
      ) as [string, string];
      return graph.node({ op: 'Sub', inputs: [yes, no], name: 'score' });
    },
  };
}
