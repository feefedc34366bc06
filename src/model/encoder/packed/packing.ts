import type { ListedRows } from '#graph/assembly/heads/head.js';
import type { TensorData } from '#runtime/index.js';
import type { EncoderInput } from '../contract.js';
import { firstPooled, poolingWeights, type WeightedPooling } from '../pooling.js';

/** An array of a graph's input, with its shape. */
export interface PackedInput {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/** What attention adds to the score of a token outside the window: nothing is left of it. */
const SHUT_OUT = -1e9;
/** Index of padding in a grid. */
const PADDING = -1;

/**
 * Packs texts one after the other and answers for each input of an encoder's graph by its name (see
 * `PackedBatch`): the grids in which attention finds the texts again, the rows that are wanted, the weights
 * of the pooling.
 */
export class Packing {
  /** All texts' tokens. */
  readonly tokens: number;
  /** Tokens of the longest text. */
  readonly longest: number;
  readonly #inputs: readonly EncoderInput[];
  /** Index of each text's first token. */
  readonly #offsets: readonly number[];
  readonly #listed: ListedRows;
  readonly #window: number;

  /**
   * @param listed which tokens the graph wants listed.
   * @param window how far a token sees in layers with local attention.
   */
  constructor(inputs: readonly EncoderInput[], listed: ListedRows, window = Infinity) {
    this.#inputs = inputs;
    this.#listed = listed;
    this.#window = window;
    const offsets: number[] = [];
    let tokens = 0;
    let longest = 0;
    for (const { ids } of inputs) {
      offsets.push(tokens);
      tokens += ids.length;
      longest = Math.max(longest, ids.length);
    }
    this.#offsets = offsets;
    this.tokens = tokens;
    this.longest = longest;
  }

  /** @throws Error for a name that is none of `PackedBatch`. */
  input(name: string): PackedInput {
    switch (name) {
      case 'input_ids':
        return vector(this.#perToken((input, position) => input.ids[position]!));
      case 'position_ids':
        return vector(this.#perToken((_, position) => position));
      case 'token_type_ids':
        return vector(this.#perToken((input, position) => input.typeIds?.[position] ?? 0));
      case 'task_ids':
        return vector(this.#perToken(input => input.task ?? 0));
      case 'grid':
        return this.#grid(this.#wholeTexts(), 0, this.longest);
      case 'key_grid':
        return this.#grid(this.#wholeTexts(), 0, this.longest, true);
      case 'grid_places':
        return vector(this.#places(this.#wholeTexts(), false));
      case 'row_places':
        return vector(this.#places(this.#wholeTexts(), true));
      case 'rows':
        return vector(this.#rows());
      case 'last_positions':
        return vector(Int32Array.from(this.#inputs, ({ ids }) => ids.length - 1));
      case 'longest':
        return { data: Int32Array.of(this.longest), shape: [] };
      case 'local_queries': {
        const blocks = this.#localBlocks();
        return this.#grid(blocks, 0, blocks.size);
      }
      case 'local_keys': {
        const blocks = this.#localBlocks();
        return this.#grid(blocks, blocks.reach, blocks.size + 2 * blocks.reach, true);
      }
      case 'local_places':
        return vector(this.#places(this.#localBlocks(), false));
      case 'local_row_places':
        return vector(this.#places(this.#localBlocks(), true));
      case 'local_bias':
        return this.#localBias(this.#localBlocks());
      default:
        if (name.startsWith('pooling.')) return this.#pooling(name.slice(8) as WeightedPooling);
        throw new Error(`an encoder's graph has an input '${name}', which is not known`);
    }
  }

  #perToken(value: (input: EncoderInput, position: number) => number): Int32Array {
    const values = new Int32Array(this.tokens);
    let token = 0;
    for (const input of this.#inputs)
      for (let position = 0; position < input.ids.length; position++)
        values[token++] = value(input, position);
    return values;
  }

  /** Positions of the wanted tokens of a text. */
  #wanted({ ids, positions, everyToken, unpooled = 0 }: EncoderInput): readonly number[] {
    if (everyToken) return ids.map((_, position) => position);
    if (this.#listed === 'first') return [firstPooled(ids.length, unpooled)];
    if (this.#listed === 'last') return [ids.length - 1];
    return positions ?? [];
  }

  #rows(): Int32Array {
    return Int32Array.from(
      this.#inputs.flatMap((input, text) =>
        this.#wanted(input).map(position => this.#offsets[text]! + position),
      ),
    );
  }

  /** One block per text. */
  #wholeTexts(): Blocks {
    return { size: this.longest, reach: 0, perText: this.#inputs.map(() => 1) };
  }

  /** Blocks as long as the window reaches; short texts are cheaper as a whole. */
  #localBlocks(): Blocks {
    if (this.longest <= 3 * this.#window) return this.#wholeTexts();
    const size = this.#window;
    return { size, reach: size, perText: this.#inputs.map(({ ids }) => Math.ceil(ids.length / size)) };
  }

  /**
   * Indexes of the tokens that each block's row shows: `width` of them, from `before` tokens before the block
   * on.
   *
   * @param areKeys whether the tokens that none may see are left out.
   */
  #grid({ size, perText }: Blocks, before: number, width: number, areKeys = false): PackedInput {
    const rows = perText.reduce((sum, blocks) => sum + blocks, 0);
    const grid = new Int32Array(rows * width).fill(PADDING);
    let row = 0;
    this.#inputs.forEach(({ ids, unseen = 0 }, text) => {
      const shown = areKeys ? ids.length - unseen : ids.length;
      for (let block = 0; block < perText[text]!; block++, row++) {
        const start = block * size - before;
        const end = Math.min(start + width, shown);
        for (let position = Math.max(start, 0); position < end; position++)
          grid[row * width + position - start] = this.#offsets[text]! + position;
      }
    });
    return { data: grid, shape: [rows, width] };
  }

  /** Place of each token, or of each wanted one, in the flattened grid of queries. */
  #places({ size, perText }: Blocks, wantedOnly: boolean): Int32Array {
    const places: number[] = [];
    let start = 0;
    this.#inputs.forEach((input, text) => {
      if (wantedOnly) for (const position of this.#wanted(input)) places.push(start + position);
      else for (let position = 0; position < input.ids.length; position++) places.push(start + position);
      start += perText[text]! * size;
    });
    return Int32Array.from(places);
  }

  /** Shuts out the keys of a block that are further from a query than the window reaches. */
  #localBias({ size, reach }: Blocks): PackedInput {
    const width = size + 2 * reach;
    const bias = new Float32Array(size * width);
    for (let query = 0; query < size; query++)
      for (let key = 0; key < width; key++)
        if (Math.abs(key - reach - query) > this.#window) bias[query * width + key] = SHUT_OUT;
    return { data: bias, shape: [1, 1, size, width] };
  }

  #pooling(mode: WeightedPooling): PackedInput {
    const weights = new Float32Array(this.#inputs.length * this.tokens);
    this.#inputs.forEach(({ ids, unpooled }, text) => {
      const start = text * this.tokens + this.#offsets[text]!;
      const write = (position: number, weight: number): void => void (weights[start + position] = weight);
      poolingWeights(mode, ids.length, write, unpooled);
    });
    return { data: weights, shape: [this.#inputs.length, this.tokens] };
  }
}

/** How texts are cut into the rows of a grid. */
interface Blocks {
  /** Tokens of a block. */
  readonly size: number;
  /** How many tokens before and after its block a row of keys shows. */
  readonly reach: number;
  readonly perText: readonly number[];
}

function vector(data: Int32Array): PackedInput {
  return { data, shape: [data.length] };
}
