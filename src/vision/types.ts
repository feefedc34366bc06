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

/** How pictures are made what a model reads, as its preprocessor_config.json says, but for what its graph does. */
export interface Preprocessing {
  /** First step; undefined: none. */
  readonly resize?:
    | {
        /** Both given: to that size whatever the form. `shortest`: keeps the form. `longest`: likewise, within. */
        readonly to:
          | { readonly width: number; readonly height: number }
          | { readonly shortest: number; readonly longest?: number }
          | { readonly longest: number };
        readonly filter: ResamplingFilter;
      }
    | undefined;
  /** From the middle, black where the picture is smaller; undefined: all of it. */
  readonly crop?: { readonly width: number; readonly height: number } | undefined;
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
