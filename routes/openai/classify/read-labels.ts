import { invalidRequest } from '#errors.js';
import type { ClassifyRequest } from './schema.js';

/**
 * The labels that a request brings; undefined where it brings none.
 *
 * @throws KvasirError `invalid_request` for an empty one
 */
export function readLabels({
  candidate_labels: given = null,
  hypothesis_template: template = null,
  multi_label: multiLabel = null,
}: ClassifyRequest): readonly string[] | undefined {
  if (given === null) {
    for (const [name, value] of Object.entries({ hypothesis_template: template, multi_label: multiLabel }))
      if (value !== null) throw invalidRequest(name, `${name} is for candidate_labels, which are missing`);
    return undefined;
  }
  const labels = typeof given === 'string' ? given.split(',').map(label => label.trim()) : given;
  const empty = labels.findIndex(label => label.trim() === '');
  if (empty >= 0)
    throw invalidRequest(`candidate_labels[${empty}]`, `candidate_labels[${empty}] cannot be empty`);
  return labels;
}
