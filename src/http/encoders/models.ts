import type { FastifyRequest } from 'fastify';
import { KvasirError } from '#errors.js';
import type { EncoderModel, Model, ModelRegistry } from '#registry/types.js';

/** What a request wants of a model. */
interface Ability {
  /** Completes "a model that can ...". */
  readonly what: string;
  /** Kinds of models that can, the preferred one first. */
  readonly kinds: readonly ((model: EncoderModel) => boolean)[];
}

const ABILITIES = {
  embed: { what: 'embed texts', kinds: [hasTask('embedding')] },
  classify: { what: 'classify texts', kinds: [hasTask('sequence-classification')] },
  score: {
    what: 'score pairs of texts, which takes a classifier with one label, or an embedder',
    kinds: [isCrossEncoder, hasTask('embedding')],
  },
  label: { what: 'label tokens', kinds: [hasTask('token-classification')] },
  fill: { what: 'fill masks', kinds: [hasTask('fill-mask')] },
  answer: { what: 'answer questions about a context', kinds: [hasTask('question-answering')] },
} as const satisfies Record<string, Ability>;

export type EncoderAbility = keyof typeof ABILITIES;

/**
 * Puts the name of the first model that can do what a request wants into its body, where that has none. To be done before validation, so
 * that all that follows finds the model named.
 */
export function nameModel(
  registry: ModelRegistry,
  ability: EncoderAbility,
): (request: FastifyRequest) => Promise<void> {
  return async ({ body }) => {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return;
    const fields = body as { model?: unknown };
    if (fields.model !== undefined && fields.model !== null) return;
    const first = firstModel(registry, ability);
    if (first !== undefined) fields.model = first.id;
  };
}

/**
 * The encoder that a request names.
 *
 * @param id not named: there is none, see {@link nameModel}.
 * @throws KvasirError `model_not_found` where there is no such model, or it cannot do what is wanted.
 */
export function encoderModel(
  registry: ModelRegistry,
  id: string | null | undefined,
  ability: EncoderAbility,
): EncoderModel {
  const { what, kinds }: Ability = ABILITIES[ability];
  if (id === null || id === undefined) return notFound(`no model is loaded here that can ${what}`);
  const model = registry.get(id);
  if (isEncoder(model) && kinds.some(kind => kind(model))) return model;
  return notFound(`the model ${JSON.stringify(id)} cannot ${what}`);
}

/** Whatever can be wanted of an encoder. */
export function abilitiesOf(model: EncoderModel): EncoderAbility[] {
  const names = Object.keys(ABILITIES) as EncoderAbility[];
  return names.filter(name => (ABILITIES[name] as Ability).kinds.some(kind => kind(model)));
}

function firstModel(registry: ModelRegistry, ability: EncoderAbility): EncoderModel | undefined {
  const { kinds }: Ability = ABILITIES[ability];
  const encoders = registry.list().filter(isEncoder);
  return kinds.map(kind => encoders.find(kind)).find(model => model !== undefined);
}

/** Whether it reads two texts at once and says with one number how well they go together. */
export function isCrossEncoder(model: EncoderModel): boolean {
  return model.task === 'sequence-classification' && model.width === 1;
}

function hasTask(task: EncoderModel['task']): (model: EncoderModel) => boolean {
  return model => model.task === task;
}

function isEncoder(model: Model): model is EncoderModel {
  return model.kind === 'encoder';
}

function notFound(message: string): never {
  throw new KvasirError('model_not_found', message, { param: 'model' });
}
