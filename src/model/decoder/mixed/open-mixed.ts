import { Session, type Environment, type SessionSettings } from '#runtime/index.js';
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
  const owned: { dispose(): void }[] = weights === undefined ? [] : [weights];
  try {
    const load = async (file: string): Promise<Session> => {
      const session = await Session.load(environment, file, settings, weights);
      owned.unshift(session);
      return session;
    };
    const session = await load(graphPath);
    const mixed = await load(mixedPath);
    weights?.release();
    return new SlotDecoder(session, shape, slots, { mixed, weights });
  } catch (error) {
    for (const each of owned) each.dispose();
    throw error;
  }
}
