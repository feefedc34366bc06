import type { Translator } from '#api/translation/languages.js';
import { requireAbility } from '#http/model.js';
import type { ModelRegistry, ServedEntry } from '#registry/types.js';

/**
 * The models that translate, those that cannot be loaded at last.
 *
 * @param name of the only one that is to be asked, if a request names one.
 * @throws KvasirError `model_not_found` where there is no such model, or it does not translate
 */
export function translatorsOf(registry: ModelRegistry, name?: string | null): Translator[] {
  const entries = name ? [registry.entry(name)] : registry.entries();
  if (name) for (const { id, card } of entries) if (card) requireAbility(id, card, 'translate');
  const translatorOf = ({ id, card }: ServedEntry): Translator[] =>
    card?.translates === undefined ? [] : [{ id, translates: card.translates }];
  return [
    ...entries.filter(({ state }) => state !== 'failed').flatMap(translatorOf),
    ...entries.filter(({ state }) => state === 'failed').flatMap(translatorOf),
  ];
}
