import { Command } from 'commander';
import { KvasirError } from '#errors.js';
import { packageInfo } from './package-info.js';

/** Each is loaded when it is named, since most of what one needs the others do not. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.js')).serveCommand(),
  pull: async () => (await import('./pull.js')).pullCommand(),
  build: async () => (await import('./build.js')).buildCommand(),
  inspect: async () => (await import('./inspect.js')).inspectCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  cuda: async () => (await import('./cuda.js')).cudaCommand(),
  openapi: async () => (await import('./openapi.js')).openApiCommand(),
};

/**
 * Runs the command line. A failure that the user can mend is one line on standard error; the exit code is 1.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const { version, description } = packageInfo();
  const program = new Command('kvasir').description(description).version(version);
  const named = Object.entries(COMMANDS).filter(([name]) => name === argv[2]);
  for (const [, load] of named.length > 0 ? named : Object.entries(COMMANDS))
    program.addCommand(await load());
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof KvasirError)) throw error;
    process.stderr.write(`kvasir: ${error.message}\n`);
    process.exitCode = 1;
  }
}
