import { DisposeStack, Session, type Environment, type SessionSettings } from '#runtime/index.js';
import type { Decoder, DecoderShape } from '../contract.js';
import { sharedWeights } from '../shared-weights.js';
import { SlotDecoder } from '../slots/slot-decoder.js';

/**
 * Loads a decoder with both of its graphs: one for prompts and for rows that decode, the other for runs that
 * they share. They share the weights, so that the second takes hardly any memory.
 *
 * @throws OrtError, KvasirError `invalid_model`, `runtime_failure`
 */
export async function openMixed(
  environment: Environment,
  graphPath: string,
  mixedPath: string,
  settings: SessionSettings | undefined,
  shape: DecoderShape,
  slots: number,
): Promise<Decoder> {
  const weights = await sharedWeights(graphPath);
  const owned = new DisposeStack();
  if (weights !== undefined) owned.use(weights);
  try {
    const load = async (file: string): Promise<Session> =>
      owned.use(await Session.load(environment, file, settings, weights));
    const session = await load(graphPath);
    const mixed = await load(mixedPath);
    weights?.release();
    return new SlotDecoder(session, shape, slots, { mixed, weights });
  } catch (error) {
    owned.dispose();
    throw error;
  }
}
