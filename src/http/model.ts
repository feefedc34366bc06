import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KvasirError } from '#errors.js';
import type { Ability, ModelCard } from '#registry/card.js';
import type { ModelRegistry, ModelWith, ServedEntry } from '#registry/types.js';
import { mediaOf, type Medium } from './capabilities.js';
import { Traffic } from './lifecycle/traffic.js';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The model that is to answer: the one that the address or the body names as `model`, or else the first
     * served one that has the ability. It is loaded if need be, and stays until the answer is complete.
     *
     * @param name of the model, where the route chooses it.
     * @throws KvasirError `model_not_found` where there is no such model, or it lacks the ability, which is
     * known before it is loaded; `cancelled`, or what the load throws
     */
    model<A extends Ability>(ability: A, name?: string): Promise<ModelWith[A]>;
  }
}

/** Completes "a model that can ...". */
const WANTED: Readonly<Record<Ability, string>> = {
  complete: 'generate text',
  chat: 'take part in conversations: it has no chat template',
  tools: 'call tools',
  translate: 'translate',
  embed: 'embed texts',
  'embed-tokens': 'embed single tokens',
  classify: 'classify texts',
  score: 'score pairs of texts, which takes a classifier with one label, or an embedder',
  'embed-pictures': 'embed pictures',
  'classify-pictures': 'classify pictures',
  'score-pictures': 'compare pictures, which takes an embedder of pictures',
  match: 'read texts and pictures into one space, which takes a model such as CLIP',
  label: 'label tokens',
  fill: 'fill masks',
  answer: 'answer questions about a context',
  transcribe: 'transcribe speech',
  interpret: 'translate speech',
  tokenize: 'read text',
  tensors: 'be called with tensors; it writes text at /v1/completions',
};

/** What a model must read for an ability, where its lack says why it cannot do it. */
const NEEDED: Partial<Record<Ability, Medium>> = {
  embed: 'text',
  'embed-tokens': 'text',
  classify: 'text',
  score: 'text',
  tokenize: 'text',
  'embed-pictures': 'image',
  'classify-pictures': 'image',
  'score-pictures': 'image',
  transcribe: 'audio',
  interpret: 'audio',
};

const READS: Readonly<Record<Medium, string>> = {
  text: 'it reads texts',
  image: 'it reads pictures',
  audio: 'it hears recordings',
};

/** Gives requests their `model`. */
export function provideModels(app: FastifyInstance, registry: ModelRegistry): void {
  const traffic = new Map<string, Traffic>();

  async function model<A extends Ability>(
    this: FastifyRequest,
    ability: A,
    name?: string,
  ): Promise<ModelWith[A]> {
    const { scope } = this;
    const { id, card } = findModel(registry, name ?? modelName(this), ability);
    if (card !== undefined) requireAbility(id, card, ability);
    const own = traffic.get(id) ?? new Traffic();
    traffic.set(id, own);
    own.begin(performance.now());
    scope.retryAfter = () => own.secondsToDrain(performance.now());
    const lease = registry.acquire(id);
    scope.whenDone(() => {
      own.end(scope.answered && scope.failure === undefined, performance.now());
      lease.then(
        held => held.release(),
        () => undefined,
      );
    });
    const { model } = await unlessAborted(lease, scope.signal);
    scope.model = model;
    requireAbility(id, model.card, ability);
    return model as ModelWith[A];
  }

  app.decorateRequest('model', model);
}

/**
 * The served model of a name, or without one the first with an ability.
 *
 * @throws KvasirError `model_not_found`
 */
export function findModel(
  registry: ModelRegistry,
  name: string | null | undefined,
  ability: Ability,
): ServedEntry {
  if (name !== null && name !== undefined) return registry.entry(name);
  return registry.find(ability) ?? notFound(`no model is served here that can ${WANTED[ability]}`);
}

function modelName({ body, params }: FastifyRequest): string | undefined {
  for (const fields of [params, body]) {
    const { model } = Object(fields) as { model?: unknown };
    if (typeof model === 'string') return model;
  }
  return undefined;
}

/** @throws KvasirError `model_not_found` */
export function requireAbility(id: string, card: ModelCard, ability: Ability): void {
  if (card.abilities.has(ability)) return;
  const [media, needed] = [mediaOf(card), NEEDED[ability]];
  // What it reads instead says more than what it cannot do.
  const instead =
    needed === undefined || media.length === 0 || media.includes(needed)
      ? ''
      : `: ${media.map(medium => READS[medium]).join(' and ')}`;
  notFound(`the model ${JSON.stringify(id)} cannot ${WANTED[ability]}${instead}`);
}

function notFound(message: string): never {
  throw new KvasirError('model_not_found', message, { param: 'model' });
}

/** The load goes on: others may wait for it, or come soon. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new KvasirError('cancelled', 'the request was cancelled'));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort!);
  }
}
