import { getJson } from './client.js';

/**
 * An entry of `/v1/models`. What it can do is known only while it is loaded.
 *
 * @typedef {{ id: string, state: string, max_model_len?: number, capabilities?: string[], input_modalities?: string[], spoken_languages?: string[], transcript_formats?: string[] }} Model
 */

/** @returns {Promise<Model[]>} */
export async function listModels() {
  return (await getJson('v1/models')).data;
}

/**
 * The models that can do something, or may be able to: those that are loaded on demand have not said.
 *
 * @param {readonly Model[]} models
 * @param {string | ((model: Model) => boolean)} able a capability, or tells it of a model that has said.
 */
export function ableModels(models, able) {
  const isAble =
    typeof able === 'string' ? (/** @type {Model} */ model) => model.capabilities?.includes(able) : able;
  const known = models.filter(model => model.capabilities !== undefined && isAble(model));
  return [...known, ...models.filter(({ capabilities }) => capabilities === undefined)];
}

/**
 * Whether a model takes texts, or pictures.
 *
 * @param {Model} model
 * @param {'text' | 'image'} medium
 */
export function reads({ input_modalities: media = [] }, medium) {
  return media.includes(medium);
}
