/** A picture of 8 bits a channel. */
export interface Picture {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, row by row from the top, `[height, width, 3]`. */
  readonly pixels: Uint8Array;
}

/** What of a picture's file is read at most. */
export interface PictureLimits {
  readonly maxBytes: number;
  /** Width times height, known before anything is decoded. */
  readonly maxPixels: number;
}

/** Width and height, in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The size that a picture is resampled to. Width and height: to those, whatever its form. `shortest`: its
 * shorter edge, keeping the form; with `longest`: unless the longer edge would be longer than that. `maxWidth`
 * and `maxHeight`: as large as fits into them, keeping the form.
 */
export type TargetSize =
  | PictureSize
  | { readonly shortest: number; readonly longest?: number | undefined }
  | { readonly maxWidth: number; readonly maxHeight: number };

/** How pictures are made what a model reads, as its preprocessor_config.json says, but for what its graph does. */
export interface Preprocessing {
  /**
   * What is seen through a picture that has transparent parts; undefined: the colours that they have in the
   * file, as PIL's `convert('RGB')` leaves them.
   */
  readonly background?: 'white' | undefined;
  /** First step; undefined: none. */
  readonly resize?: { readonly to: TargetSize; readonly filter: ResamplingFilter } | undefined;
  /** From the middle, black where the picture is smaller; undefined: all of it. */
  readonly crop?: PictureSize | undefined;
  /** `pixel * scale`, then minus the mean and by the deviation of its channel: all of it in the graph. */
  readonly scale: number;
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** By PIL's names. */
export type ResamplingFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

/** Makes pictures of files, and pixels of pictures, on threads. */
export interface PictureService {
  /**
   * @param file bytes of a JPEG, PNG, WebP, GIF, TIFF or AVIF.
   * @param param the request's field, for errors.
   * @throws KvasirError `invalid_request` where the file is broken, of no known form or too large; `cancelled`
   */
  read(file: Uint8Array, preprocessing: Preprocessing, param: string, signal?: AbortSignal): Promise<Picture>;
}
