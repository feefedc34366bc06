import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { soundFeatures } from '#model/speech/sound-features.js';
import { loadVoiceDetector, voiceDetectorFile } from '#model/speech/voice-detector.js';
import { DisposeStack, type Environment } from '#runtime/index.js';
import { speechModel as readVocabulary } from '#speech/model.js';
import { readSpeechSettings } from '#speech/settings.js';
import { WhisperService } from '#speech/speech-service.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { loadedGenerator, type GenerationOptions } from './loaded-generator.js';
import { speechModel } from './models.js';
import type { SpeechModel } from './types.js';

/** Frames of features a second. */
const FRAMES_PER_SECOND = 100;

export interface SpeechOptions extends GenerationOptions {
  /**
   * A folder with a Silero voice activity detector (`silero_vad*.onnx`), for requests that want speech found; by
   * default the model's own folder, and where neither has one, recordings are cut where they are quiet.
   */
  readonly voiceDetector?: string | undefined;
}

/**
 * Loads a folder of a model that hears, in the Hugging Face layout.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadSpeech(
  environment: Environment,
  folder: string,
  options: SpeechOptions,
): Promise<SpeechModel> {
  const tokenizer = await loadTokenizer(folder);
  const settings = await readSpeechSettings(folder);
  const loaded = await loadSeq2Seq(environment, folder, options);
  const { sound } = loaded.decoder.source!;
  const { id, engine, device, path } = loadedGenerator(folder, tokenizer, loaded, options);
  const owned = new DisposeStack();
  try {
    const features = owned.use(soundFeatures(environment, sound!, { intraOpThreads: 1 }));
    const file = voiceDetectorFile(options.voiceDetector ?? folder) ?? voiceDetectorFile(folder);
    const detector = file === undefined ? undefined : owned.use(await loadVoiceDetector(environment, file));
    return speechModel({
      id,
      engine,
      device,
      path,
      speech: new WhisperService(readVocabulary(engine, features, tokenizer, settings), detector),
      bytesPerSecond: sound!.bins * Float32Array.BYTES_PER_ELEMENT * FRAMES_PER_SECOND,
      dispose: () => owned.dispose(),
    });
  } catch (error) {
    owned.dispose();
    await engine.close();
    throw error;
  }
}
