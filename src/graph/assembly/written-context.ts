import type { ModelConfig } from '../config.js';
import { originalContext, ropeSection } from './rope.js';

/** The context of a graph that is one for all contexts that it can serve. */
export interface WrittenContext {
  /** Positions that its tables have. */
  readonly contextLength: number;
  /** What tells it from the same model's graphs for other contexts; empty for the model's own. */
  readonly name: string;
}

/** Tables of positions up to here are written whole: those of a head of 128 features are 67 MB. */
const CHEAP_CONTEXT = 2 ** 17;

/**
 * The context that a graph is written for. Mostly it is the model's own, so that one graph serves all. Of a
 * very long one as many positions are written as are served, up to the next power of two.
 *
 * LongRoPE turns positions by one set of frequencies within the context that a model was first trained for
 * and by another beyond, and a sequence cannot pass from one to the other: there the served context decides
 * for all of them.
 *
 * @param own the model's.
 * @param served at most; beyond the model's own where nothing limits it.
 */
export function writtenContext(config: ModelConfig, own: number, served: number): WrittenContext {
  const short = shortContext(config);
  if (Math.min(served, own) <= short) return { contextLength: short, name: '-short' };
  if (own > CHEAP_CONTEXT) {
    const written = Math.max(CHEAP_CONTEXT, 2 ** Math.ceil(Math.log2(served)));
    // LongRoPE tells by the context which frequencies to take.
    if (written < own) return { contextLength: Math.max(written, short + 1), name: `-${written}` };
  }
  return { contextLength: own, name: '' };
}

/** The first context of a model with LongRoPE, else 0. */
function shortContext(config: ModelConfig): number {
  const section = ropeSection(config);
  if (section === undefined || section.has('full_attention')) return 0;
  const type = section.value('rope_type') ?? section.value('type');
  return type === 'longrope' || type === 'su' ? originalContext(section, config) : 0;
}
