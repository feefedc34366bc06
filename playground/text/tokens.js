/**
 * A token as the page shows it.
 *
 * @typedef {object} Token
 * @property {string} text what it adds to the text; '' for one that ends it, or for part of a character.
 * @property {string} name how the model's vocabulary writes it.
 * @property {number} probability
 * @property {Alternative[]} alternatives the most probable tokens at its place, the best first; the token itself is one of them.
 */

/** @typedef {{ name: string, probability: number }} Alternative */

/** @typedef {{ tokens: string[], token_logprobs: (number | null)[], top_logprobs: (Record<string, number> | null)[], text_offset: number[] }} CompletionLogprobs */

/** @typedef {{ token: string, logprob: number, bytes: number[] | null }} ChatLogprob */

/**
 * The tokens of a piece of a completion.
 *
 * @param {CompletionLogprobs} logprobs
 * @param {string} text of the piece.
 * @param {number} start characters of the pieces before it, as Unicode counts them.
 * @returns {Token[]}
 */
export function completionTokens(logprobs, text, start) {
  const characters = [...text];
  const ends = [...logprobs.text_offset.slice(1), start + characters.length];
  return logprobs.tokens.map((name, index) => {
    const begin = logprobs.text_offset[index] ?? start;
    const probability = Math.exp(logprobs.token_logprobs[index] ?? 0);
    const top = Object.entries(logprobs.top_logprobs[index] ?? {});
    return {
      text: characters.slice(begin - start, (ends[index] ?? begin) - start).join(''),
      name,
      probability,
      alternatives: ranked(
        { name, probability },
        top.map(([other, logprob]) => ({ name: other, probability: Math.exp(logprob) })),
      ),
    };
  });
}

/** Reads the tokens of a message in a chat; characters may begin in one and end in another. */
export class ChatTokenReader {
  #decoder = new TextDecoder();

  /**
   * @param {readonly (ChatLogprob & { top_logprobs: ChatLogprob[] })[]} entries the message's next tokens.
   * @returns {Token[]}
   */
  read(entries) {
    return entries.map(({ token, logprob, bytes, top_logprobs: top }) => {
      const own = { name: token, probability: Math.exp(logprob) };
      return {
        ...own,
        text: bytes === null ? '' : this.#decoder.decode(new Uint8Array(bytes), { stream: true }),
        alternatives: ranked(
          own,
          top.map(other => ({ name: other.token, probability: Math.exp(other.logprob) })),
        ),
      };
    });
  }
}

/**
 * @param {Alternative} own
 * @param {Alternative[]} others
 */
function ranked(own, others) {
  const all = others.some(({ name }) => name === own.name) ? others : [...others, own];
  return all.sort((a, b) => b.probability - a.probability);
}

/**
 * A probability as people read it: 43 %, 0.02 %.
 *
 * @param {number} probability
 */
export function percent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.01) return '< 0.01 %';
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)} %`;
}

/**
 * A token's name with what cannot be seen made visible.
 *
 * @param {string} name
 */
export function visible(name) {
  return name.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '⇥') || '∅';
}
