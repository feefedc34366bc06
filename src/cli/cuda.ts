import { dirname } from 'node:path';
import { Command } from 'commander';
import { KvasirError } from '#errors.js';
import { CUDA_PROVIDER, Environment, installProvider } from '#runtime/index.js';

export function cudaCommand(): Command {
  const command = new Command('cuda').description('NVIDIA GPUs.');
  command
    .command('install')
    .description(
      `Fetch ONNX Runtime's CUDA provider by npm (${CUDA_PROVIDER.name}, 180 MB), check it, and lay it beside the runtime.`,
    )
    .option('--archive <file>', 'the package, where it was fetched before by `npm pack`')
    .action(async ({ archive }: { archive?: string }) => {
      if (process.platform !== 'linux' || process.arch !== 'x64')
        throw new KvasirError('invalid_configuration', 'the CUDA provider is for Linux on x64');
      const { version, libraryPath } = new Environment();
      const files = await installProvider(CUDA_PROVIDER, {
        runtime: version,
        folder: dirname(libraryPath),
        archive,
      });
      process.stdout.write(files.map(file => `${file}\n`).join(''));
    });
  return command;
}
