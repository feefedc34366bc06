import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import { ModelProtoSchema, type GraphProto } from '#graph/onnx/onnx_pb.js';
import { readSeq2SeqExports, type Seq2SeqFixture } from './seq2seq-fixtures.js';

/** One of the tiny exported encoder-decoders, such as `bart`, in a folder of the test. */
export async function copiedExport(t: Test, name: string): Promise<Seq2SeqFixture> {
  const fixture = (await readSeq2SeqExports()).find(found => found.name === name)!;
  const folder = t.testdir();
  await cp(fixture.folder, folder, { recursive: true });
  return { ...fixture, folder };
}

/** Changes a graph of a folder. */
export async function changeGraph(
  folder: string,
  name: string,
  change: (graph: GraphProto) => void,
): Promise<void> {
  const file = path.join(folder, name);
  const model = fromBinary(ModelProtoSchema, await readFile(file));
  change(model.graph!);
  await writeFile(file, toBinary(ModelProtoSchema, model));
}
