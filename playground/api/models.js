import { getJson } from './client.js';

/**
 * An entry of `/v1/models`. What it can do is known only while it is loaded.
 *
 * @typedef {{ id: string, state: string, max_model_len?: number, capabilities?: string[], spoken_languages?: string[] }} Model
 */

/** @returns {Promise<Model[]>} */
export async function listModels() {
  return (await getJson('v1/models')).data;
}

/**
 * The models that can do something, or may be able to: those that are loaded on demand have not said.
 *
 * @param {readonly Model[]} models
 * @param {string} capability
 */
export function ableModels(models, capability) {
  const known = models.filter(({ capabilities }) => capabilities?.includes(capability));
  return [...known, ...models.filter(({ capabilities }) => capabilities === undefined)];
}
