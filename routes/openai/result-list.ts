import { randomUUID } from 'node:crypto';

/** What a list of results begins with. */
export interface ResultListHead {
  readonly id: string;
  readonly object: 'list';
  readonly created: number;
  readonly model: string;
}

/** @param prefix of the id, such as `rerank`. */
export function resultListHead(prefix: string, model: string): ResultListHead {
  return {
    id: `${prefix}-${randomUUID()}`,
    object: 'list',
    created: Math.floor(Date.now() / 1000),
    model,
  };
}
