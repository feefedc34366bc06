/** Why a text ended, for people, by `finish_reason`. */
const ENDINGS = /** @type {Readonly<Record<string, string>>} */ ({
  stop: 'the model ended the text',
  length: 'max tokens, or the end of the context',
  tool_calls: 'the model calls a function',
});

/** Follows one answer, and says at the end what it took. */
export class Ending {
  #started = performance.now();
  #first = 0;
  #tokens = 0;
  #reason = 'stopped';
  #cached = 0;

  /** @param {number} tokens that have come. */
  add(tokens) {
    if (this.#tokens === 0) this.#first = performance.now();
    this.#tokens += tokens;
  }

  /**
   * @param {{ choices: { finish_reason: string | null }[], usage?: { prompt_tokens_details?: { cached_tokens?: number } } | null }} chunk
   */
  read({ choices, usage }) {
    const reason = choices[0]?.finish_reason;
    if (reason) this.#reason = ENDINGS[reason] ?? reason;
    this.#cached = usage?.prompt_tokens_details?.cached_tokens ?? this.#cached;
  }

  /** Such as `120 tokens in 0.41 s, 300 a second`. */
  toString() {
    const seconds = (performance.now() - this.#started) / 1000;
    const first = this.#tokens > 0 ? ` · first after ${Math.round(this.#first - this.#started)} ms` : '';
    const rate = this.#tokens > 1 ? ` · ${Math.round(this.#tokens / seconds)} a second` : '';
    const cached = this.#cached > 0 ? ` · ${this.#cached} of the prompt from the cache` : '';
    return `${this.#tokens} tokens in ${seconds.toFixed(2)} s${rate}${first}${cached} · ${this.#reason}`;
  }
}
