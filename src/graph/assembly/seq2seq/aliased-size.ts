import type { ModelConfig } from '../../config.js';

/**
 * A size by its family's name, or by the one that Hugging Face has for it in every family, such as
 * `hidden_size` for `d_model`.
 *
 * @param most its largest value; default: that of {@link ModelConfig.size}.
 * @throws KvasirError `invalid_model` where neither is a size; `unsupported_model` where they differ
 */
export function aliasedSize(
  config: ModelConfig,
  [name, alias]: readonly [name: string, alias: string],
  fallback: number,
  most?: number,
): number {
  const value = config.size(name, config.size(alias, fallback, most), most);
  const other = config.size(alias, value, most);
  if (other !== value)
    config.unsupported(`${name} is ${value}, but ${alias}, another name for it, is ${other}`);
  return value;
}
