import type { Caller } from '#caller.js';
import type { ChatMessage } from '#chat/messages.js';
import { loadChatTemplate, type ChatTemplate } from '#chat/template.js';
import { KvasirError } from '#errors.js';
import type { SentenceConfig } from '#model/sentence-config.js';
import { IsolatedTemplate } from '#offload/isolated-template.js';
import { STRANGERS } from '#offload/pools.js';
import type { TextSource } from '#text/inputs.js';
import type { Tokenizer } from '#text/types.js';
import type { PairTemplate } from './types.js';

type MessageSettings = NonNullable<SentenceConfig['message']>;

type Texts = Pick<TextSource, 'text' | 'pair'>;

/** Pairs of which the second and the third differ from the first in one text. */
const PROBES: readonly Texts[] = [
  { text: 'alpha', pair: 'bravo' },
  { text: 'charlie', pair: 'bravo' },
  { text: 'alpha', pair: 'foxtrot' },
];

/** Texts that hardly any tokenizer ends alike; those of sentence-transformers, as what it takes for the end counts. */
const FILLERS = ['0', '1 2 3 4'];

/**
 * The chat template of a folder whose model reads pairs as sentence-transformers writes them: a message of the role
 * `query` and one of `document`, behind one of `system` that has the prompt.
 *
 * @throws KvasirError `invalid_model` where the template is broken; `unsupported_model` where there is none, or it leaves
 * a text of the pair out
 */
export async function loadPairTemplate(
  folder: string,
  tokenizer: Tokenizer,
  settings: MessageSettings,
): Promise<PairTemplate> {
  const unsupported = (fault: string, cause?: unknown): never => {
    throw new KvasirError('unsupported_model', `${folder}: ${fault}`, { cause });
  };
  const chat =
    (await loadChatTemplate(folder, tokenizer)) ??
    unsupported('pairs of texts are to be written by a chat template, and there is none');
  const template = new WrittenPairs(new IsolatedTemplate(chat, STRANGERS), settings, tokenizer);
  const caller = { client: '', signal: new AbortController().signal };
  const written: string[] = [];
  for (const probe of PROBES)
    written.push(
      await template
        .write(probe, '', caller)
        .catch((error: unknown) =>
          unsupported(`the chat template takes no pairs of texts: ${(error as Error).message}`, error),
        ),
    );
  if (written[0] === written[1]) unsupported("the chat template leaves out what the role 'query' says");
  if (written[0] === written[2]) unsupported("the chat template leaves out what the role 'document' says");
  return template;
}

class WrittenPairs implements PairTemplate {
  readonly #template: ChatTemplate;
  readonly #settings: MessageSettings;
  readonly #tokenizer: Tokenizer;

  constructor(template: ChatTemplate, settings: MessageSettings, tokenizer: Tokenizer) {
    this.#template = template;
    this.#settings = settings;
    this.#tokenizer = tokenizer;
  }

  async write({ text, pair }: Texts, prompt: string, caller: Caller): Promise<string> {
    const messages: ChatMessage[] = prompt === '' ? [] : [{ role: 'system', content: prompt }];
    if (pair === undefined) messages.push({ role: 'user', content: text });
    else messages.push({ role: 'query', content: text }, { role: 'document', content: pair });
    const { generationPrompt, variables } = this.#settings;
    const input = { messages, addGenerationPrompt: generationPrompt, variables };
    return this.#template.render(input, caller);
  }

  async end(isPair: boolean, prompt: string, caller: Caller): Promise<readonly number[]> {
    const written = await Promise.all(
      FILLERS.map(text => this.write({ text, pair: isPair ? text : undefined }, prompt, caller)),
    );
    const [first = [], second = []] = written.map(text =>
      this.#tokenizer.encode(text, { addSpecialTokens: false }),
    );
    const shorter = Math.min(first.length, second.length);
    let count = 0;
    while (count < shorter && first.at(-1 - count) === second.at(-1 - count)) count++;
    // Where all of one is the end of the other, nothing of the text was between.
    return count === shorter ? [] : first.slice(first.length - count);
  }
}
