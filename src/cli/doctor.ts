import { availableParallelism, totalmem } from 'node:os';
import { Command } from 'commander';
import { formatBytes } from '#bytes.js';
import { findCuda, thisSystem, type CudaReport } from '#runtime/index.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Tell what of this machine can be used: processor, GPUs, and the libraries that they need.')
    .option('--json', 'print everything as JSON')
    .action(({ json }: { json?: boolean }) => {
      const report = findCuda(thisSystem());
      process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : describeMachine(report));
    });
}

/** Describes a machine to people: its parts, and what is missing for CUDA. */
export function describeMachine(report: CudaReport): string {
  const { runtime, provider, libraries, driver, gpus, problems } = report;
  const lines: [string, string][] = [
    ['processor', `${availableParallelism()} cores, ${formatBytes(totalmem())} of memory`],
    ['ONNX Runtime', runtime],
    ['CUDA provider', provider === undefined ? 'not there' : (provider.version ?? 'of an unknown version')],
    ...libraries.map(({ name, found, version }): [string, string] => [
      name,
      found ? (version ?? 'found') : 'missing',
    ]),
    ['driver', driver === undefined ? 'none' : `up to CUDA ${driver}`],
    ...gpus.map(({ id, name, memory, computeCapability }): [string, string] => [
      `cuda:${id}`,
      `${name}, ${formatBytes(memory)}, compute capability ${computeCapability}`,
    ]),
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  const verdict =
    problems.length === 0
      ? 'CUDA can be used.'
      : `CUDA cannot be used:\n${problems.map(({ what, remedy }) => `- ${what}: ${remedy}`).join('\n')}`;
  return `${lines.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join('')}${verdict}\n`;
}
