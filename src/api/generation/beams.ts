import type { BeamParameters } from '#engine/beams/types.js';
import { invalidRequest, type KvasirError } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';
import type { SamplingFields } from './sampling.js';

/** What requests say about beam search, in vLLM's words; what is missing or null has its default. */
export interface BeamFields {
  readonly use_beam_search?: boolean | null;
  readonly length_penalty?: number | null;
  readonly early_stopping?: boolean | 'never' | null;
  /** Texts for each prompt. */
  readonly n?: number | null;
  /** How many are looked for. */
  readonly best_of?: number | null;
}

/** Fields that draw tokens, with values that do not. */
const DRAWING: Readonly<Partial<Record<keyof SamplingFields, readonly unknown[]>>> = {
  temperature: [0, 1],
  top_p: [0, 1],
  top_k: [-1, 0],
  min_p: [0],
};

/** Fields of requests that a search cannot do, or that make no sense with one. */
interface OtherFields extends SamplingFields {
  readonly stream?: boolean | null;
  readonly prompt_logprobs?: number | null;
}

/**
 * How beams are searched, if they are: because the request wants it, or the model's folder, where the request says
 * neither that nor that tokens are to be drawn.
 *
 * @param structure the field that says what form the text has, if any does.
 * @throws KvasirError `invalid_request` for what cannot be together with a search, or only with one.
 */
export function beamParameters(
  fields: BeamFields & OtherFields,
  { sourced, engine }: GenerationModel,
  structure: string | undefined,
): BeamParameters | undefined {
  const { width, lengthPenalty, earlyStopping, results: usual } = sourced?.defaults.beams ?? PLAIN_BEAMS;
  const { use_beam_search: wanted = null, n, best_of: best } = fields;
  const byDefault = wanted === null && width > 1 && (fields.temperature ?? 0) === 0;
  if (wanted !== true && !byDefault) {
    checkWithout(fields);
    return undefined;
  }
  checkWith(fields, byDefault, structure);
  const results = n ?? (best === undefined || best === null ? usual : Math.min(usual, best));
  const asked = best ?? n ?? undefined;
  const beams = byDefault ? Math.max(width, asked ?? 1) : (asked ?? width);
  if (beams > engine.slots) throw tooWide(beams, engine.slots, best ? 'best_of' : n ? 'n' : undefined);
  return {
    width: beams,
    lengthPenalty: fields.length_penalty ?? lengthPenalty,
    earlyStopping: fields.early_stopping ?? earlyStopping,
    results,
  };
}

const PLAIN_BEAMS = { width: 1, lengthPenalty: 1, earlyStopping: false, results: 1 };

/** @param param the field that asks for so many; undefined: the folder does. */
function tooWide(beams: number, slots: number, param: string | undefined): KvasirError {
  const limit = `more than the ${slots} sequences that the model generates at once`;
  return param === undefined
    ? invalidRequest(
        'use_beam_search',
        `the model's folder wants ${beams} beams, ${limit}; send use_beam_search as false, or serve it with more slots`,
      )
    : invalidRequest(param, `${param}: ${beams} beams are ${limit}`);
}

function checkWithout({ length_penalty: penalty, early_stopping: early }: BeamFields): void {
  const asked = (penalty ?? 1) !== 1 ? 'length_penalty' : early ? 'early_stopping' : undefined;
  if (asked !== undefined)
    throw invalidRequest(asked, `${asked} is allowed only where use_beam_search is true`);
}

function checkWith(fields: OtherFields, byDefault: boolean, structure: string | undefined): void {
  const drawing = Object.entries(DRAWING).find(([name, neutral]) => {
    const value = fields[name as keyof SamplingFields] ?? null;
    return value !== null && !neutral.includes(value);
  });
  const { stop, stream, prompt_logprobs: promptLogprobs = null } = fields;
  const asked =
    (stream ? 'stream' : undefined) ??
    ([stop ?? []].flat().length > 0 ? 'stop' : undefined) ??
    structure ??
    (promptLogprobs === null ? undefined : 'prompt_logprobs') ??
    (byDefault ? undefined : drawing?.[0]);
  if (asked === undefined) return;
  const hint = byDefault
    ? ', which this model does by default; send use_beam_search as false'
    : ', where use_beam_search is false';
  throw invalidRequest(asked, `${asked} is allowed only without beam search${hint}`);
}
