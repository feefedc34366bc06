import type { GenerationRequest } from '#engine/types.js';
import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import {
  forChoice,
  samplingParameters,
  stopConditions,
  type SamplingFields,
} from '../generation/sampling.js';
import { bannedSequences } from '../generation/banned-sequences.js';
import { beamParameters, type BeamFields } from '../generation/beams.js';
import { promptCut, type PromptCutFields } from '../generation/prompt-cut.js';
import type { ReportFields } from '../generation/report.js';
import {
  checkLanguages,
  languageSampling,
  readSources,
  startIdsOf,
  type LanguageFields,
} from '../generation/sources.js';
import { constraints, type AskedStructure } from '../generation/structured.js';
import type { GenerationModel } from '#registry/types.js';
import { Choice } from './choice.js';
import { listPrompts, readPrompts, type Prompt, type PromptField } from './prompts.js';

/** Prompts times candidates of one request; more would keep others waiting for too long. */
export const MAX_SEQUENCES = 1024;

const DEFAULT_MAX_TOKENS = 16;

/** What a request for completions asks for, in the words of OpenAI's API; what is missing or null has its default. */
export interface CompletionFields
  extends SamplingFields, ReportFields, PromptCutFields, BeamFields, LanguageFields {
  readonly prompt?: PromptField;
  readonly max_tokens?: number | null;
  readonly logprobs?: number | null;
  readonly echo?: boolean | null;
  readonly add_special_tokens?: boolean | null;
  readonly stream?: boolean | null;
  readonly stream_options?: object | null;
}

/** What a completion request comes down to: sequences, and what becomes of each. */
export interface CompletionJob {
  /** Those of the first prompt, then of the second, and so on. */
  readonly requests: readonly GenerationRequest[];
  /** How many texts each of them gives: several where beams are searched. */
  readonly textsEach: number;
  /** Candidates of the first prompt, then of the second, and so on: the texts of all requests. */
  readonly choices: readonly Choice[];
  /** Candidates for each prompt. */
  readonly candidates: number;
  /** How many of them are given back. */
  readonly n: number;
  /** Of all prompts, each counted once. */
  readonly promptTokens: number;
}

/**
 * @param job the completion's id, after which its sequences are called, and who shares its prompts, see `reuseScope`.
 * @param asked the form that the texts must have, if any.
 * @throws KvasirError `invalid_request` where fields contradict one another or do not fit the model.
 */
export async function completionJob(
  { id, reuseScope }: Pick<GenerationRequest, 'id' | 'reuseScope'>,
  body: CompletionFields,
  asked: AskedStructure | undefined,
  model: GenerationModel,
  caller: Caller,
): Promise<CompletionJob> {
  checkFields(body, model);
  const beams = beamParameters(body, model, asked?.param);
  const n = beams?.results ?? body.n ?? 1;
  const candidates = beams?.results ?? body.best_of ?? n;
  const echo = body.echo ?? false;
  const maxTokens = body.max_tokens ?? defaultMaxTokens(model);
  const logprobs = body.logprobs ?? undefined;

  const listed = listPrompts(body.prompt);
  const places = beams?.width ?? candidates;
  if (listed.length * places > MAX_SEQUENCES)
    throw invalidRequest(
      'prompt',
      `${listed.length} prompts with ${places} ${beams === undefined ? 'choices' : 'beams'} each are more than the ${MAX_SEQUENCES} texts that one request may generate`,
    );
  const counted = places > n ? 'best_of' : n > 1 ? 'n' : 'prompt';
  model.engine.checkRoom(listed.length * places, caller.client, counted);
  const banned = await bannedSequences(body.bad_words ?? [], model, caller);
  const sampling = {
    ...samplingParameters(body, model),
    bannedSequences: banned,
    ...languageSampling(model.sourced, body.tgt_lang),
  };
  // The engine generates at least one token.
  const stop = stopConditions(body, Math.max(1, maxTokens), model);
  const constraint = asked && (await constraints(asked, stop, model, caller));
  if (asked && sampling.allowedIds)
    throw invalidRequest('allowed_token_ids', `allowed_token_ids is allowed only without ${asked.param}`);
  const skipSpecialTokens = body.skip_special_tokens ?? true;
  const prompts = await promptsOf(listed, body, model, stop.maxTokens, caller);
  const sequences = prompts.flatMap(prompt =>
    Array.from({ length: beams === undefined ? candidates : 1 }, (_, index) => ({ prompt, index })),
  );
  const textsEach = beams?.results ?? 1;
  return {
    requests: sequences.map(({ prompt, index }, sequence) => ({
      id: `${id}-${sequence}`,
      client: caller.client,
      promptIds: prompt.startIds ?? prompt.ids,
      ...(prompt.startIds !== undefined && { sourceIds: prompt.ids }),
      ...(reuseScope !== undefined && { reuseScope }),
      sampling: forChoice(sampling, index),
      stop,
      ...(beams && { beams }),
      ...(constraint && { constraint: constraint() }),
      // Candidates are compared by their log-probabilities.
      logprobs: logprobs ?? (candidates > n ? 0 : undefined),
      promptLogprobs: most(body.prompt_logprobs, echo ? logprobs : undefined),
      skipSpecialTokens,
    })),
    choices: sequences.flatMap(({ prompt }) =>
      Array.from(
        { length: textsEach },
        () =>
          new Choice(prompt, model.tokenizer, {
            echo,
            logprobs,
            promptLogprobs: body.prompt_logprobs ?? undefined,
            tokenIds: body.return_token_ids ?? false,
            tokensAsIds: body.return_tokens_as_token_ids ?? false,
            skipSpecialTokens,
            promptOnly: maxTokens === 0,
            eosIds: model.eosIds,
          }),
      ),
    ),
    textsEach,
    candidates,
    n,
    promptTokens: prompts.reduce((sum, { ids }) => sum + ids.length, 0),
  };
}

/** What OpenAI's API says, or the folder of a model whose text has an end of its own. */
function defaultMaxTokens({ sourced, contextLength }: GenerationModel): number {
  return sourced === undefined ? DEFAULT_MAX_TOKENS : (sourced.defaults.maxTokens ?? contextLength);
}

/** @param maxTokens how many are to be generated. */
async function promptsOf(
  listed: ReturnType<typeof listPrompts>,
  body: CompletionFields,
  model: GenerationModel,
  maxTokens: number,
  caller: Caller,
): Promise<Prompt[]> {
  const { sourced } = model;
  const addSpecialTokens = body.add_special_tokens ?? true;
  if (sourced === undefined)
    return readPrompts(
      listed,
      model,
      {
        echo: body.echo ?? false,
        skipSpecialTokens: body.skip_special_tokens ?? true,
        addSpecialTokens,
        cut: promptCut(body, model.contextLength - maxTokens),
      },
      caller,
    );
  const sources = await readSources(
    listed,
    { ...model, sourced },
    { param: 'prompt', languages: body, addSpecialTokens, cut: promptCut(body, sourced.longestSource) },
    caller,
  );
  const startIds = startIdsOf(sourced, body.tgt_lang);
  return sources.map(ids => ({ ids, text: '', startIds }));
}

/** The larger of two counts, of which either may be missing. */
function most(a: number | null | undefined, b: number | undefined): number | undefined {
  return a === null || a === undefined ? b : Math.max(a, b ?? 0);
}

function checkFields(body: CompletionFields, { sourced }: GenerationModel): void {
  checkLanguages(body, sourced);
  if (sourced !== undefined) {
    const asked = body.echo
      ? 'echo'
      : (body.prompt_logprobs ?? null) === null
        ? undefined
        : 'prompt_logprobs';
    if (asked !== undefined)
      throw invalidRequest(
        asked,
        `${asked} is not supported: the model reads the prompt as a source and writes another text`,
      );
  }
  const n = body.n ?? 1;
  const candidates = body.best_of ?? n;
  if (body.max_tokens === 0 && !body.echo && (body.prompt_logprobs ?? null) === null)
    throw invalidRequest('max_tokens', 'max_tokens must be >= 1 unless echo is true');
  if (candidates < n) throw invalidRequest('best_of', `best_of must be >= n, which is ${n}`);
  if (candidates > n && body.stream) {
    throw invalidRequest(
      'best_of',
      'best_of must equal n where stream is true: the best is known only at the end',
    );
  }
  if (body.stream_options && !body.stream) {
    throw invalidRequest('stream_options', 'stream_options is allowed only where stream is true');
  }
}
