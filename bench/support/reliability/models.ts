import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeRandomLlama } from '../random-model.js';
import { writeModel } from '#test/support/check-decoder.js';
import { encoderConfig, encoderShapes, type Head } from '#test/support/encoder-models.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { WORD_PIECE } from '#test/support/tiny-tokenizers.js';

const MODELS = fileURLToPath(new URL('../../../../models/', import.meta.url));

/** The folder of a model that comes with Kvasir. */
export const shipped = (name: string): string => path.join(MODELS, name);

export const SHIPPED = ['kvasir-stories-3m', 'kvasir-embed-4m', 'kvasir-phonemes-2m', 'kvasir-sentiment-3m'];

/** As large as a model that writes a thousand tokens in a second on one core may be. */
const SIZES = {
  hidden_size: 48,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 320,
  max_position_embeddings: 512,
};

const TEMPLATE =
  '{% if tools %}<tool_call>{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}';

/** Writes a small model that chats, with random weights, and returns what `kvasir serve` is given for it. */
export async function writeWriter(home: string): Promise<string> {
  const folder = await writeRandomLlama(path.join(home, 'writer'), SIZES);
  await writeFile(path.join(folder, 'chat_template.jinja'), TEMPLATE);
  return `writer=${folder}`;
}

/** Heads that none of the models has that come with Kvasir, and the labels of their classes. */
const HEADS: Readonly<Record<string, readonly [Head, readonly string[]]>> = {
  'cross-encoder': ['ForSequenceClassification', ['LABEL_0']],
  tagger: ['ForTokenClassification', ['O', 'B-PER', 'I-PER']],
  filler: ['ForMaskedLM', []],
  reader: ['ForQuestionAnswering', []],
};

/**
 * Writes tiny encoders with random weights for what the shipped ones cannot do; arguments of `kvasir serve`.
 */
export function writeEncoders(home: string): Promise<string[]> {
  return Promise.all(
    Object.entries(HEADS).map(async ([name, [head, labels]]) => {
      const folder = path.join(home, name);
      const config = encoderConfig('bert', head, {
        max_position_embeddings: 512,
        ...(labels.length > 0 && { id2label: Object.fromEntries(labels.map((label, i) => [i, label])) }),
      });
      await writeModel(folder, {
        config,
        tensors: randomTensors(encoderShapes(config, head, labels.length)),
      });
      await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(WORD_PIECE));
      return `${name}=${folder}`;
    }),
  );
}

/** Which of these models can do what a path is for. */
export function modelOf(route: string): string {
  if (route.includes('fill-mask')) return 'filler';
  if (route.includes('question-answering')) return 'reader';
  if (route.includes('token-classification')) return 'tagger';
  if (/classify|predict/.test(route)) return 'kvasir-sentiment-3m';
  if (/score/.test(route)) return 'cross-encoder';
  if (/embed|rank|similarity|infer|decode|^\/tokenize/.test(route)) return 'kvasir-embed-4m';
  return 'writer';
}
