import { pullModel } from '#hub/pull.js';

/** Run as a program: pulls the model that its argument names, with the environment's settings, and prints the folder. */
process.stdout.write(await pullModel(process.argv[2]!));
