import { existsSync } from 'node:fs';
import path from 'node:path';
import { describeChatTemplate } from '#chat/template.js';
import { KvasirError } from '#errors.js';
import type { PlanOptions } from '#model/decoder/decoder-plan.js';
import { readModelFolder } from '#model/folder.js';
import { readGenerationConfig } from '#model/generation-config.js';
import { encoderCard, generatorCard, TENSORS_CARD, type ModelCard } from './card.js';

export interface CardOptions extends PlanOptions {
  /** Longest sequence of a generator, in tokens; by default the model's own. */
  readonly contextLength?: number | undefined;
}

/**
 * The card of the model in a folder, without loading it. What loading would refuse for the files beside the weights is refused here too.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`
 */
export async function readCard(
  folder: string,
  { contextLength, ...options }: CardOptions = {},
): Promise<ModelCard> {
  const read = await readModelFolder(folder, options);
  switch (read.kind) {
    case 'raw':
      return TENSORS_CARD;
    case 'encoder': {
      const { task, labels, modules } = read.description;
      requireTokenizer(path.join(folder, modules.encoderFolder));
      return encoderCard(task, read.contextLength, labels);
    }
    case 'decoder': {
      requireTokenizer(folder);
      await readGenerationConfig(folder);
      const chat = await describeChatTemplate(folder);
      return generatorCard(contextLength ?? read.sizes.contextLength, chat);
    }
  }
}

function requireTokenizer(folder: string): void {
  const file = path.join(folder, 'tokenizer.json');
  if (!existsSync(file)) throw new KvasirError('invalid_model', `${file} is missing`);
}
