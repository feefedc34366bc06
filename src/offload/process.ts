import { READY } from './ready.js';
import * as jobs from './worker.js';

interface Message {
  readonly name: keyof typeof jobs;
  readonly data: never;
}

process.on('message', ({ name, data }: Message) => {
  jobs[name](data).then(
    result => process.send!(result),
    (error: Error) => process.send!({ failure: error.message }),
  );
});
process.on('disconnect', () => process.exit());
process.send!(READY);
