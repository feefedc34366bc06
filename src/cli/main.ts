import { Command } from 'commander';
import { KvasirError } from '#errors.js';
import { buildCommand } from './build.js';
import { cudaCommand } from './cuda.js';
import { doctorCommand } from './doctor.js';
import { inspectCommand } from './inspect.js';
import { openApiCommand } from './openapi.js';
import { pullCommand } from './pull.js';
import { serveCommand } from './serve.js';
import { packageInfo } from './package-info.js';

/**
 * Runs the command line. A failure that the user can mend is one line on standard error; the exit code is 1.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const { version, description } = packageInfo();
  const program = new Command('kvasir').description(description).version(version);
  program.addCommand(serveCommand());
  program.addCommand(pullCommand());
  program.addCommand(buildCommand());
  program.addCommand(inspectCommand());
  program.addCommand(doctorCommand());
  program.addCommand(cudaCommand());
  program.addCommand(openApiCommand());
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof KvasirError)) throw error;
    process.stderr.write(`kvasir: ${error.message}\n`);
    process.exitCode = 1;
  }
}
