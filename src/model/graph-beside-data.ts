import { copyFile, link, realpath } from 'node:fs/promises';
import path from 'node:path';
import { buildOnce } from '#graph/build-cache.js';
import { readOnnxFile } from './onnx-file.js';

/**
 * ONNX Runtime takes external data only from the folder where the graph itself lies, links resolved. In Hugging
 * Face's cache that is so for the links of a snapshot, unless their blobs are links in turn, to where huggingface_hub
 * keeps the large files of all repositories. Such a graph is read from a folder of hard links, which is kept beside
 * it as built graphs are.
 *
 * @param graph an ONNX file.
 * @returns the file to read; the same one wherever that will do.
 * @throws KvasirError `invalid_model` where a file is missing or broken, `storage_full`
 */
export async function graphBesideData(graph: string): Promise<string> {
  const real = await realpath(graph).catch(() => graph);
  if (real === path.resolve(graph)) return graph;
  const folder = path.dirname(graph);
  const { dataFiles } = await readOnnxFile(graph);
  const places = await Promise.all(dataFiles.map(name => realpath(path.join(folder, name))));
  const home = path.dirname(real);
  const isFlat = dataFiles.every(name => path.basename(name) === name);
  if (!isFlat || places.every(place => path.dirname(place) === home)) return graph;
  const name = path.basename(graph);
  const files = [name, ...dataFiles];
  const whole = await buildOnce({ folder, files, variant: `linked-${name}` }, async target => {
    for (const file of files) {
      const source = await realpath(path.join(folder, file));
      const own = path.join(target, file);
      await link(source, own).catch(() => copyFile(source, own));
    }
  });
  return path.join(whole, name);
}
