import type { WriteStream } from 'node:tty';
import { SingleBar } from 'cli-progress';
import type { Logger } from 'pino';
import type { SaveProgress } from '#graph/onnx/graph-builder.js';
import { formatBytes } from '#bytes.js';
import { formatDuration } from './pull-progress.js';

/** A display of a build's progress. */
interface BuildProgress {
  readonly show: (progress: SaveProgress) => void;
  /** Ends the display. */
  readonly end: () => void;
}

/** Shows a build's progress: on a terminal as a bar, elsewhere as a line now and then. */
export function showBuild(output: WriteStream | NodeJS.WritableStream): BuildProgress {
  return 'isTTY' in output && output.isTTY ? progressBar(output) : progressLines(output);
}

/**
 * Shows the progress of a build that a server makes because a model has none yet. Most take too little time
 * to mention, so nothing is shown before `quietMs`; then a bar on a terminal, elsewhere log lines.
 */
export function showModelBuild(
  output: WriteStream | NodeJS.WritableStream,
  logger: Pick<Logger, 'info'>,
  model: string,
  quietMs = 2000,
): BuildProgress {
  const { show, end } =
    'isTTY' in output && output.isTTY
      ? progressBar(output)
      : nowAndThen(progress => logger.info({ model }, `building its graph: ${describe(progress)}`));
  const began = performance.now();
  return {
    show: progress => {
      if (performance.now() - began >= quietMs) show(progress);
    },
    end,
  };
}

/** Milliseconds between two lines. */
const LINE_INTERVAL = 10_000;

function progressLines(output: NodeJS.WritableStream): BuildProgress {
  return nowAndThen(progress => void output.write(`${describe(progress)}\n`));
}

/** Reports progress at first, and then at intervals. */
function nowAndThen(say: (progress: SaveProgress) => void): BuildProgress {
  let next = 0;
  return {
    show(progress) {
      if (performance.now() < next) return;
      next = performance.now() + LINE_INTERVAL;
      say(progress);
    },
    end() {
      // Every line is written at once.
    },
  };
}

function progressBar(output: WriteStream): BuildProgress {
  const bar = new SingleBar({
    stream: output,
    format: '{bar} {percentage}% | {state} | {left}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    linewrap: false,
    gracefulExit: false,
  });
  const started = performance.now();
  return {
    show(progress) {
      const { bytes, allBytes } = progress;
      const seconds = (performance.now() - started) / 1000;
      const left = bytes > 0 ? `${formatDuration((seconds * (allBytes - bytes)) / bytes)} left` : '';
      const payload = { state: describe(progress), left };
      if (bar.isActive) bar.update(bytes, payload);
      else bar.start(allBytes, bytes, payload);
    },
    end: () => bar.stop(),
  };
}

function describe({ tensors, allTensors, bytes, allBytes }: SaveProgress): string {
  return `tensor ${tensors} of ${allTensors}, ${formatBytes(bytes)} of ${formatBytes(allBytes)}`;
}
