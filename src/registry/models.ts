import { StructureService } from '#offload/structure-service.js';
import { PLAIN_SENTENCES } from '#model/sentence-config.js';
import { TextService } from '#offload/text-service.js';
import { EncoderTensors } from '#tensors/encoder-tensors.js';
import type { GraphService } from '#tensors/graph-service.js';
import { encoderCard, generatorCard, sourcedCard, speechCard, TENSORS_CARD } from './card.js';
import type { EncoderModel, GenerationModel, Model, SpeechModel, TensorModel } from './types.js';

/** Where a model comes from: all but what its parts tell. */
type Origin = Pick<Model, 'id' | 'device' | 'path'> & { readonly created?: number };

/** The parts of a generator; the rest of the model follows from them. */
export type GenerationParts = Origin &
  Pick<
    GenerationModel,
    'tokenizer' | 'engine' | 'eosIds' | 'bosId' | 'chat' | 'maxTokens' | 'sourced' | 'sampling'
  > &
  Partial<Pick<GenerationModel, 'texts' | 'structures'>>;

export function generationModel(parts: GenerationParts): GenerationModel {
  const { engine, chat, sourced } = parts;
  return {
    created: now(),
    texts: new TextService(parts.tokenizer),
    structures: new StructureService(parts.tokenizer),
    ...parts,
    card:
      sourced === undefined
        ? generatorCard(
            engine.contextLength,
            chat && { tools: chat.toolFormat !== undefined },
            parts.sampling,
          )
        : sourcedCard(engine.contextLength, sourced.translates),
    contextLength: engine.contextLength,
    stats: () => ({ engine: engine.stats() }),
    close: () => engine.close(),
  };
}

/** The parts of an encoder; the rest of the model follows from them. */
export type EncoderParts = Origin &
  Pick<EncoderModel, 'tokenizer' | 'contextLength' | 'task' | 'encoder' | 'width' | 'labels' | 'activation'> &
  Partial<Pick<EncoderModel, 'texts' | 'sentences' | 'autoTruncate' | 'tokenWidth' | 'pairs'>>;

export function encoderModel(parts: EncoderParts): EncoderModel {
  const { encoder, task, contextLength, labels, autoTruncate = false } = parts;
  return {
    created: now(),
    texts: new TextService(parts.tokenizer),
    sentences: PLAIN_SENTENCES,
    ...parts,
    autoTruncate,
    card: encoderCard(task, contextLength, labels, {
      autoTruncate,
      hasTokenHeads: parts.sentences?.hasTokenHeads,
    }),
    tensors: new EncoderTensors(parts),
    stats: () => ({ encoder: encoder.stats() }),
    close: () => encoder.close(),
  };
}

/** The parts of a model that hears; `dispose` frees what is not the engine's. */
export type SpeechParts = Origin &
  Pick<SpeechModel, 'engine' | 'speech' | 'bytesPerSecond'> & { readonly dispose?: () => void };

export function speechModel({ dispose, ...parts }: SpeechParts): SpeechModel {
  const { engine, speech } = parts;
  const { languages, translates, tellsTimes } = speech;
  return {
    created: now(),
    ...parts,
    card: speechCard({ languages, translates, tellsTimes }),
    stats: () => ({ engine: engine.stats() }),
    close: async () => {
      await engine.close();
      dispose?.();
    },
  };
}

export function tensorModel(
  parts: Origin & {
    readonly tensors: Pick<GraphService, 'inputs' | 'outputs' | 'infer' | 'stats' | 'close'>;
  },
): TensorModel {
  const { tensors } = parts;
  return {
    created: now(),
    ...parts,
    card: TENSORS_CARD,
    stats: () => ({ tensors: tensors.stats() }),
    close: () => tensors.close(),
  };
}

/** Seconds since the epoch. */
function now(): number {
  return Math.floor(Date.now() / 1000);
}
