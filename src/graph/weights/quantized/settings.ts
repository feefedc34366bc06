import type { ModelConfig } from '../../config.js';

/** Warns of settings that nobody has asked for, but the given ones. */
export function warnOfUnknown(settings: ModelConfig, harmless: readonly string[]): void {
  const unknown = settings.unasked.filter(name => !harmless.includes(name));
  if (unknown.length > 0)
    settings.warn(
      `${unknown.join(', ')} ${unknown.length === 1 ? 'is' : 'are'} not known; if they matter, the results are not those that the model was made for`,
    );
}

/** Warns that inputs of layers are not quantized in the way that the checkpoint is made for. */
export function warnOfActivations(settings: ModelConfig, form: string): void {
  settings.warn(
    `the checkpoint is made for inputs of layers that are quantized (${form}); here they stay as the precision says, and their scales are not read`,
  );
}

/** Warns that keys and values are not kept as the checkpoint is made for. */
export function warnOfCache(settings: ModelConfig): void {
  settings.warn(
    'the checkpoint is made for a cache of quantized keys and values; here they stay floats, and their scales are not read',
  );
}
