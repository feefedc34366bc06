import { Command, Option } from 'commander';
import { findGguf } from '#gguf/find.js';
import { PRECISIONS } from '#graph/precision.js';
import { pullModel, type PullOptions } from '#hub/pull.js';
import { parseReference } from '#hub/reference.js';
import { WEIGHTS_FORMATS } from '#model/weights-format.js';
import { showPull } from './pull-progress.js';

export function pullCommand(): Command {
  return new Command('pull')
    .description(
      'Download a model from the Hugging Face hub into the cache, and print its folder, or its GGUF file.',
    )
    .argument('<model>', 'owner/name or owner/name@revision, with :Q4_K_M or the like for a GGUF file')
    .addOption(
      new Option(
        '--format <format>',
        'which weights to take; default: safetensors or files of PyTorch, or ONNX where there are none',
      ).choices(WEIGHTS_FORMATS),
    )
    .addOption(
      new Option('--precision <format>', 'which of several ONNX graphs; default: the most exact').choices(
        PRECISIONS,
      ),
    )
    .option('--subfolder <path>', 'folder of the repository to use instead of its root')
    .option('--endpoint <url>', "the hub's address; default: HF_ENDPOINT, or Hugging Face's")
    .option(
      '--offline',
      'do not ask the hub: print the folder if the cache has it; default: KVASIR_OFFLINE or HF_HUB_OFFLINE',
    )
    .addHelpText('after', HELP)
    .action(async (model: string, options: PullOptions) => {
      const progress = showPull(process.stderr);
      let folder: string;
      try {
        folder = await pullModel(model, { ...options, onEvent: progress.show });
      } finally {
        progress.end();
      }
      const gguf = await findGguf(folder, parseReference(model).gguf);
      process.stdout.write(`${gguf ?? folder}\n`);
    });
}

const HELP = `
What is there already is not downloaded again, and what broke off goes on where it did. The cache is Hugging Face's own,
which Python's programs share: HF_HUB_CACHE, or hub/ in HF_HOME (default: ~/.cache/huggingface). HF_TOKEN, or what
'hf auth login' has stored, opens gated and private models. HF_HUB_OFFLINE takes what is there without asking.
`;
