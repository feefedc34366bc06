import { isPulled, type ModelPlan } from '#config/models.js';
import { KvasirError } from '#errors.js';
import { logFailed } from '#http/observability/logging.js';
import type { Registry } from '#registry/registry.js';
import { describePlanned, type Loading } from './model-sources.js';

/** What a setting or the machine is to blame for ends the start, however many other models there are. */
const OF_THE_OPERATOR = ['invalid_configuration', 'runtime_unavailable', 'EMFILE', 'ENFILE'];

interface Failure {
  readonly id: string;
  readonly error: Error;
}

/**
 * Tells the registry of the models whose folders are on this machine, so that requests find them by what they
 * can do before they are loaded; opens the devices, too.
 *
 * @throws KvasirError where the only model's folder is broken, or a device cannot be used
 */
export async function describeHere(
  registry: Registry,
  plans: readonly ModelPlan[],
  loading: Loading,
): Promise<void> {
  for (const plan of plans) {
    if (plan.load === 'start') loading.deviceOf(plan);
    if (!isPulled(plan)) await describe(registry, plan, loading, plans.length === 1);
  }
}

/** The same for models of a hub that are loaded on demand. */
export async function describeThere(
  registry: Registry,
  plans: readonly ModelPlan[],
  loading: Loading,
): Promise<void> {
  for (const plan of plans)
    if (isPulled(plan) && plan.load === 'demand') await describe(registry, plan, loading, false);
}

async function describe(
  registry: Registry,
  plan: ModelPlan,
  { logger, stop }: Loading,
  isOnly: boolean,
): Promise<void> {
  const { id } = plan;
  try {
    registry.entry(id).describe({ card: await describePlanned(plan, stop) });
  } catch (error) {
    // What is loaded at the start is going to say the same.
    if (plan.load === 'start' && isOnly) throw error;
    if (plan.load === 'start') return;
    registry.entry(id).describe({ error });
    logger.warn({ model: id, err: error }, 'nothing is known of the model until a request names it');
  }
}

/**
 * Loads the models that are to be there from the start, one after the other. One that cannot be loaded is
 * named in the log, and the others are served.
 *
 * @throws KvasirError where no model at all can be served, a setting is at fault, or the server is being
 * stopped
 */
export async function loadAtStart(
  registry: Registry,
  plans: readonly ModelPlan[],
  { logger, stop }: Loading,
): Promise<void> {
  const failures: Failure[] = [];
  for (const { id, load } of plans) {
    if (load !== 'start') continue;
    try {
      (await registry.acquire(id)).release();
    } catch (error) {
      if (stop.aborted || isOfOperator(error)) throw error;
      failures.push({ id, error: error as Error });
    }
  }
  if (failures.length > 0 && failures.length === plans.length) throw noneLeft(failures);
  for (const { id, error } of failures) logFailed(logger, id, error);
}

function noneLeft(failures: readonly Failure[]): Error {
  const { error } = failures[0]!;
  if (failures.length === 1) return error;
  const reasons = failures.map(failure => `${failure.id}: ${failure.error.message}`).join('; ');
  return new KvasirError('invalid_model', `none of the models can be served: ${reasons}`, { cause: error });
}

function isOfOperator(error: unknown): boolean {
  return OF_THE_OPERATOR.includes((error as { code?: string }).code ?? '');
}
