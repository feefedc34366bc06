import { execFile } from 'node:child_process';
import { KvasirError } from '#errors.js';

/**
 * Runs a program and waits for its end.
 *
 * @returns what it wrote to standard output.
 * @throws KvasirError `download_failed` with the end of what it wrote to standard error
 */
export async function run(program: string, args: readonly string[], folder?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: folder, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const reason = stderr.trim().split('\n').slice(-3).join('; ') || error.message;
      reject(new KvasirError('download_failed', `${program} ${args[0]} failed: ${reason}`, { cause: error }));
    });
  });
}
