import type { ChildProcess } from 'node:child_process';

/**
 * Waits for the next message of a forked process; with a message, sends that first.
 *
 * @throws when the process ends instead.
 */
export function ask<T>(child: ChildProcess, message?: object): Promise<T> {
  const answer = new Promise<T>((resolve, reject) => {
    const left = (): void => reject(new Error(`a process of the bench failed: ${child.spawnargs.join(' ')}`));
    child.once('exit', left).once('message', value => {
      child.off('exit', left);
      resolve(value as T);
    });
  });
  if (message !== undefined) child.send(message);
  return answer;
}
