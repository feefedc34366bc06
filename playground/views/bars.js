import { create, setProperties } from '../dom.js';
import { percent } from '../text/tokens.js';

/** @typedef {{ label: string, score: number }} LabelScore */

/**
 * Labels as bars. Regressions have values that are no shares; their bars are as long as they fit.
 *
 * @param {readonly LabelScore[]} scores the best first.
 */
export function bars(scores) {
  const shares = scores.every(({ score }) => score >= 0 && score <= 1);
  return scores.map(({ label, score }, index) => {
    const row = create(
      'div',
      { class: index === 0 ? 'bar best' : 'bar' },
      create('dt', {}, label),
      create('dd', {}, shares ? percent(score) : score.toFixed(3)),
    );
    setProperties(row, { share: shares ? score : Math.min(1, Math.max(0, score)) });
    return row;
  });
}
