import { ServerError } from './api/client.js';
import { listModels } from './api/models.js';
import { keyForm } from './controls/key-form.js';
import { drawLegends } from './controls/legend.js';
import { hideError, showError } from './controls/notice.js';
import { find } from './dom.js';
import { Monitor } from './metrics/monitor.js';
import { showStrip } from './metrics/strip.js';
import { chatView } from './views/chat.js';
import { classificationView } from './views/classification.js';
import { completionView } from './views/completion.js';
import { embeddingsView } from './views/embeddings.js';
import { metricsView } from './views/metrics.js';
import { picturesView } from './views/pictures.js';
import { transcriptionView } from './views/transcription.js';

const FIRST = 'completion';

const monitor = new Monitor();
const notice = find(document, '#page-notice', HTMLElement);
/** @param {string} name */
const section = name => find(document, `#view-${name}`, HTMLElement);

const views = new Map([
  ['completion', completionView(section('completion'))],
  ['chat', chatView(section('chat'))],
  ['embeddings', embeddingsView(section('embeddings'))],
  ['classification', classificationView(section('classification'))],
  ['pictures', picturesView(section('pictures'))],
  ['transcription', transcriptionView(section('transcription'))],
  ['metrics', metricsView(section('metrics'), monitor)],
]);

/** Asks anew each time a view is shown: what a model can do is known only once it is loaded. */
async function fillModels() {
  try {
    const models = await listModels();
    for (const view of views.values()) view.fill(models);
    hideError(notice);
  } catch (error) {
    // Where a key is wanted, its form says all there is to say.
    if (error instanceof ServerError && error.status === 401) hideError(notice);
    else showError(notice, error);
  }
}

function showView() {
  const name = location.hash.slice(1);
  const shown = views.has(name) ? name : FIRST;
  for (const other of views.keys()) section(other).hidden = other !== shown;
  for (const link of document.querySelectorAll('nav a')) {
    const current = link.getAttribute('href') === `#${shown}`;
    if (current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${find(section(shown), 'h1', HTMLElement).textContent} · Kvasir`;
  monitor.watch(shown === 'metrics');
  void fillModels();
}

addEventListener('hashchange', () => {
  showView();
  const name = location.hash.slice(1);
  if (views.has(name)) find(section(name), 'h1', HTMLElement).focus();
});
drawLegends();
keyForm(find(document, '#key', HTMLFormElement), () => void fillModels());
showStrip(find(document, '#strip', HTMLElement), monitor);
find(document, '#command button', HTMLButtonElement).addEventListener('click', () =>
  find(document, '#command', HTMLDialogElement).close(),
);
showView();
