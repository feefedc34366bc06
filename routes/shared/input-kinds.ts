import { invalidRequest } from '#errors.js';
import { isPictureSource, type InputSource, type PictureSource } from '#api/pictures/picture-source.js';

/**
 * What a model must be able to do for these inputs: with texts, with pictures, or with both in one space.
 *
 * @param task what it is to do.
 */
export function abilityFor<T extends 'embed' | 'score'>(
  task: T,
  sources: readonly InputSource[],
): T | `${T}-pictures` | 'match' {
  const pictures = sources.filter(isPictureSource).length;
  if (pictures === 0) return task;
  return pictures === sources.length ? `${task}-pictures` : 'match';
}

/**
 * Inputs that are all pictures; undefined where none is.
 *
 * @throws KvasirError `invalid_request` where there are texts beside them
 */
export function allPictures(sources: readonly InputSource[]): PictureSource[] | undefined {
  const pictures = sources.filter(isPictureSource);
  if (pictures.length === 0) return undefined;
  const text = sources.find(source => !isPictureSource(source));
  if (text !== undefined)
    throw invalidRequest(
      text.param,
      `${text.param} is a text, and other inputs are pictures: send them apart`,
    );
  return pictures;
}
