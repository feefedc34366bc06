import type { Fields } from './fields.js';

/** Which of a file's tensors is one of a Hugging Face folder, and what was done to it. */
export interface TensorSource {
  /** Its name in the file. */
  readonly tensor: string;
  /** Row-major, as the folder has it. */
  readonly shape: readonly number[];
  /** Which of several that are stored as one, one behind the other. */
  readonly slice?: { readonly index: number; readonly of: number } | undefined;
  /** Where the file has its rows in another order. */
  readonly rowOrder?: RowOrder | undefined;
  /** True if the file has rows where the folder has columns. */
  readonly isTransposed?: boolean | undefined;
  /** What was added to every number; default 0. */
  readonly added?: number | undefined;
}

/** How the rows of a folder's matrix stand in a file. */
export interface RowOrder {
  /** Rows that keep to themselves: no row is moved out of a span of so many. */
  readonly span: number;
  /** Where the file has a row of the folder's. */
  readonly storedRow: (row: number) => number;
}

/** How a name in a file becomes one in a folder, and what is undone on the way; see {@link TensorSource}. */
export interface TensorRule {
  /** Without `blk.N.` where it is a layer's. */
  readonly from: string;
  /** Without the layers' prefix; `{expert}` stands for the number of an expert, which are stored as one. */
  readonly to: string;
  /**
   * Whose rows the file has in another order: those of heads that turn in pairs, or those of all heads, of which the
   * folder has queries, keys and values together by groups of heads.
   */
  readonly heads?: 'queries' | 'keys' | 'all' | undefined;
  readonly isTransposed?: boolean | undefined;
  readonly added?: number | undefined;
  /** Axes of size 1 to be put before the shape. */
  readonly leadingAxes?: number | undefined;
}

/** What is known of one of llama.cpp's architectures. */
export interface GgufArchitecture {
  /** Values of `general.architecture`. */
  readonly names: readonly string[];
  /** Before the number of a layer in the folder: `model.layers`. */
  readonly layers: string;
  /** Rules of tensors that are there once, and of those of each layer. */
  readonly once: readonly TensorRule[];
  readonly ofLayer: readonly TensorRule[];
  /**
   * The contents of config.json, but for what all have. Reads every key of the architecture that changes numbers: one
   * that nobody has read is refused by its name.
   */
  readonly config: (fields: Fields) => Readonly<Record<string, unknown>>;
  /** Other files of the folder than config.json and the tokenizer's, by name. Default: none. */
  readonly files?: ((fields: Fields) => ReadonlyMap<string, string>) | undefined;
}

/** A GGUF file in Hugging Face's terms. */
export interface HuggingFaceModel {
  /** The contents of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Other files than config.json and the tokenizer's. */
  readonly files: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorSource>;
}
