import { execFileSync } from 'node:child_process';
import { open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Something that is wrong with a copy of a model's folder, and what must come of it. */
export interface Damage {
  readonly damage: (folder: string) => Promise<void>;
  /** Whether there is a built graph in the folder before. */
  readonly built?: boolean;
  /** What the log must say of it; without it, the model must be served. */
  readonly named?: RegExp;
}

const WEIGHTS = 'model.safetensors';

/** A file of the folder's built graph. */
async function built(folder: string, name: string): Promise<string> {
  const parent = path.join(folder, '.kvasir');
  const [build] = (await readdir(parent)).filter(entry => entry.startsWith('decoder-'));
  return path.join(parent, build!, name);
}

async function overwrite(file: string, position: number, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, position);
  } finally {
    await handle.close();
  }
}

/** Overwrites the last values of a tensor's kind with one value. */
async function poison(folder: string, name: string, value: number): Promise<void> {
  const file = path.join(folder, WEIGHTS);
  const bytes = await readFile(file);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const { dtype, data_offsets: place } = header[name]!;
  const start = 8 + length + place[0];
  const end = 8 + length + place[1];
  if (dtype === 'F32') for (let at = start; at < end; at += 4) bytes.writeFloatLE(value, at);
  // The upper half of a float is its bfloat16; of NaN and infinities, F16 has other bits.
  else
    for (let at = start; at < end; at += 2) {
      const half = Number.isNaN(value) ? 0x7e00 : 0x7c00;
      const brain = Number.isNaN(value) ? 0x7fc0 : 0x7f80;
      bytes.writeUInt16LE(dtype === 'F16' ? half : brain, at);
    }
  await writeFile(file, bytes);
}

export const DAMAGES: Readonly<Record<string, Damage>> = {
  'weights that are NaN': {
    damage: folder => poison(folder, 'model.norm.weight', NaN),
    named: /finite|NaN/,
  },
  'weights that are infinite': {
    damage: folder => poison(folder, 'model.norm.weight', Infinity),
    named: /finite|NaN/,
  },
  'a FIFO in the place of the weights': {
    damage: async folder => {
      await rm(path.join(folder, WEIGHTS));
      execFileSync('mkfifo', [path.join(folder, WEIGHTS)]);
    },
    named: /model\.safetensors/,
  },
  'weights cut short': {
    damage: folder => truncate(path.join(folder, WEIGHTS), 1_000_000),
    named: /model\.safetensors/,
  },
  'sizes that nothing has': {
    damage: async folder => {
      const file = path.join(folder, 'config.json');
      const config = JSON.parse(await readFile(file, 'utf8')) as object;
      await writeFile(file, JSON.stringify({ ...config, hidden_size: 1e9 }));
    },
    named: /config\.json|hidden_size/,
  },
  'a generation_config.json that is no JSON': {
    damage: folder => writeFile(path.join(folder, 'generation_config.json'), '{{{'),
    named: /generation_config\.json/,
  },
  'a built graph cut short': {
    built: true,
    damage: async folder => truncate(await built(folder, 'decoder.onnx'), 5000),
  },
  'built weights cut short': {
    built: true,
    damage: async folder => truncate(await built(folder, 'decoder.onnx.data'), 1_000_000),
  },
  'a built graph of garbage': {
    built: true,
    damage: async folder => writeFile(await built(folder, 'decoder.onnx'), Buffer.alloc(16_316, 0x5a)),
  },
  'a flipped bit in built weights': {
    built: true,
    damage: async folder => {
      const file = await built(folder, 'decoder.onnx.data');
      const bytes = await readFile(file);
      bytes[5_000_000]! ^= 0x40;
      await writeFile(file, bytes);
    },
  },
  'a manifest of garbage': {
    built: true,
    damage: async folder => writeFile(await built(folder, 'manifest.json'), '{"files": 5'),
  },
  'built weights cut short, and none to build from': {
    built: true,
    damage: async folder => {
      await truncate(await built(folder, 'decoder.onnx.data'), 1_000_000);
      await overwrite(path.join(folder, WEIGHTS), 8, Buffer.alloc(64, 0x5a));
    },
    named: /model\.safetensors|\.kvasir|decoder\.onnx/,
  },
};
