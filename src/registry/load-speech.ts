import type { GenerationEngine } from '#engine/types.js';
import type { SoundShape, WaveformShape } from '#model/decoder/contract.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { soundFeatures } from '#model/speech/sound-features.js';
import { SAMPLING_RATE, type SoundFeatures } from '#model/speech/types.js';
import { loadVoiceDetector, voiceDetectorFile } from '#model/speech/voice-detector.js';
import { Waveforms } from '#model/speech/waveforms.js';
import { DisposeStack, type Environment } from '#runtime/index.js';
import { speechModel as readVocabulary, type SpeechModel as WhisperModel } from '#speech/model.js';
import { MoonshineService, type MoonshineModel } from '#speech/moonshine-service.js';
import { readSpeechSettings } from '#speech/settings.js';
import { WhisperService } from '#speech/speech-service.js';
import { TokenText } from '#speech/token-text.js';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import { loadedGenerator, type GenerationOptions } from './loaded-generator.js';
import { speechModel } from './models.js';
import { readMoonshine } from './read-moonshine.js';
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
  const loaded = await loadSeq2Seq(environment, folder, options);
  const sound = loaded.decoder.source!.sound!;
  const { id, engine, device, path } = loadedGenerator(folder, tokenizer, loaded, options);
  const owned = new DisposeStack();
  const features = (shape: SoundShape): SoundFeatures =>
    owned.use(soundFeatures(environment, shape, { intraOpThreads: 1 }));
  try {
    const file = voiceDetectorFile(options.voiceDetector ?? folder) ?? voiceDetectorFile(folder);
    const detector = file === undefined ? undefined : owned.use(await loadVoiceDetector(environment, file));
    const speech =
      'positions' in sound
        ? new MoonshineService(await moonshineModel(folder, engine, sound, tokenizer), detector)
        : new WhisperService(await whisperModel(folder, engine, features(sound), tokenizer), detector);
    return speechModel({
      id,
      engine,
      device,
      path,
      speech,
      bytesPerSecond: bytesPerSecond(sound),
      dispose: () => owned.dispose(),
    });
  } catch (error) {
    owned.dispose();
    await engine.close();
    throw error;
  }
}

async function whisperModel(
  folder: string,
  engine: GenerationEngine,
  features: SoundFeatures,
  tokenizer: Tokenizer,
): Promise<WhisperModel> {
  return readVocabulary(engine, features, tokenizer, await readSpeechSettings(folder));
}

async function moonshineModel(
  folder: string,
  engine: GenerationEngine,
  { shortest, longest }: WaveformShape,
  tokenizer: Tokenizer,
): Promise<MoonshineModel> {
  return {
    engine,
    features: new Waveforms(longest),
    shortest,
    text: new TokenText(tokenizer, id => !tokenizer.specialIds.has(id)),
    ...(await readMoonshine(folder)),
  };
}

/** What a recording's features take, or its samples. */
function bytesPerSecond(sound: SoundShape | WaveformShape): number {
  const numbers = 'positions' in sound ? SAMPLING_RATE : sound.bins * FRAMES_PER_SECOND;
  return numbers * Float32Array.BYTES_PER_ELEMENT;
}
