import { logMelGraph } from '#graph/log-mel-graph.js';
import { Session, type Environment, type SessionSettings } from '#runtime/index.js';
import type { SoundShape } from '../decoder/contract.js';
import { HeardRecording } from './heard-recording.js';
import { HOP, SAMPLING_RATE, WINDOW, type Recording, type SoundFeatures } from './types.js';

/** Whisper's features (Radford et al. 2022): log-mel spectra, made by a graph of their own. */
class LogMelFeatures implements SoundFeatures {
  readonly bins: number;
  readonly frames: number;
  readonly #session: Session;

  constructor(session: Session, { bins, frames }: SoundShape) {
    this.#session = session;
    this.bins = bins;
    this.frames = frames;
  }

  open(): Recording {
    return new HeardRecording(this.#session, this);
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/**
 * What makes features for a decoder that hears.
 *
 * @param shape of its sources.
 * @throws OrtError where the graph cannot be loaded
 */
export function soundFeatures(
  environment: Environment,
  shape: SoundShape,
  settings: SessionSettings = {},
): SoundFeatures {
  const graph = logMelGraph({ samplingRate: SAMPLING_RATE, window: WINDOW, hop: HOP, bins: shape.bins });
  return new LogMelFeatures(Session.fromBytes(environment, graph, settings), shape);
}
