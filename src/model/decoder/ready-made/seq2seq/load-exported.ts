import type { Environment, Session, SessionSettings } from '#runtime/index.js';
import { openSession } from '../../../open-session.js';
import type { Decoder, DecoderShape, SourceTraits } from '../../contract.js';
import { ExportedSeq2Seq } from './exported-seq2seq.js';
import type { ReadyMadeSeq2Seq } from './find-seq2seq.js';

/**
 * Loads the graphs of an encoder-decoder that somebody else exported.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `runtime_failure`
 */
export async function loadExported(
  environment: Environment,
  found: ReadyMadeSeq2Seq,
  settings: SessionSettings | undefined,
  shape: DecoderShape,
  slots: number,
  source: SourceTraits,
): Promise<Decoder> {
  const sessions: Session[] = [];
  try {
    for (const { path } of [found.encoder, ...found.decoders])
      sessions.push(await openSession(environment, path, settings));
    const [encoder, first, next = first] = sessions as [Session, Session, Session?];
    return new ExportedSeq2Seq({ encoder, first, next }, found, shape, slots, source);
  } catch (error) {
    for (const session of sessions) session.dispose();
    throw error;
  }
}
