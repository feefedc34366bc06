import { ModelPicker } from '../controls/model-picker.js';
import { Task } from '../controls/task.js';
import { create, find } from '../dom.js';
import { makeLoad } from '../metrics/load.js';
import { SlotPicture } from '../metrics/slot-picture.js';
import { Sparkline } from '../metrics/sparkline.js';

/** @typedef {import('../metrics/monitor.js').Monitor} Monitor */
/** @typedef {import('../metrics/history.js').History} History */
/** @typedef {import('../api/models.js').Model} Model */

/** What a line shows, in milliseconds. */
const SPAN = 60_000;

/** What each `[data-tile]` shows, and how. */
const TILES =
  /** @type {Record<string, (history: History) => [value: number | undefined, text: string]>} */ ({
    rate: history => {
      const value =
        history.rate('vllm:generation_tokens_total') + history.rate('kvasir_encoder_tokens_total');
      return [value, value.toFixed(0)];
    },
    running: history => whole(history.value('vllm:num_requests_running')),
    waiting: history => whole(history.value('vllm:num_requests_waiting')),
    cache: history => {
      const capacity = history.value('kvasir_kv_cache_capacity_tokens');
      const value = capacity === 0 ? 0 : history.value('kvasir_kv_cache_tokens') / capacity;
      return [value, `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`];
    },
    first: history => duration(history.quantile('vllm:time_to_first_token_seconds', 0.5)),
    between: history => duration(history.quantile('vllm:inter_token_latency_seconds', 0.5)),
  });

/**
 * Shows how the server is doing.
 *
 * @param {HTMLElement} view
 * @param {Monitor} monitor
 */
export function metricsView(view, monitor) {
  const picker = new ModelPicker(view, 'completions');
  const form = find(view, 'form', HTMLFormElement);
  const pictures = find(view, '[data-slots]', HTMLElement);
  const rows = find(view, '[data-models]', HTMLElement);
  const tiles = Object.entries(TILES).map(([name, measure]) => {
    const tile = find(view, `[data-tile=${name}]`, HTMLElement);
    return { measure, output: find(tile, 'output', HTMLElement), line: new Sparkline(tile, SPAN) };
  });
  /** @type {Map<string, SlotPicture>} */
  const slots = new Map();
  /** @type {readonly Model[]} */
  let models = [];

  new Task(form, signal => makeLoad(picker.model, signal));

  monitor.onChange(() => {
    const now = performance.now();
    for (const { measure, output, line } of tiles) {
      const [value, text] = measure(monitor.history);
      output.textContent = text;
      line.add(now, value ?? 0);
    }
    drawSlots();
    rows.replaceChildren(...models.map(({ id, state }) => row(id, state, monitor.history)));
  });

  function drawSlots() {
    for (const [model, picture] of slots) {
      if (monitor.slots.some(one => one.model === model)) continue;
      picture.element.remove();
      slots.delete(model);
    }
    for (const one of monitor.slots) {
      const known = slots.get(one.model);
      if (known !== undefined) {
        known.draw(one);
        continue;
      }
      const picture = new SlotPicture(one);
      slots.set(one.model, picture);
      pictures.append(picture.element);
    }
  }

  return {
    /** @param {readonly Model[]} all */
    fill(all) {
      models = all;
      picker.fill(all);
    },
  };
}

/**
 * @param {string} id
 * @param {string} state
 * @param {History} history
 */
function row(id, state, history) {
  const rate =
    history.rate('vllm:generation_tokens_total', id) + history.rate('kvasir_encoder_tokens_total', id);
  const loaded = history.value('kvasir_model_loaded', id) === 1;
  return create(
    'tr',
    {},
    create('th', { scope: 'row' }, id),
    create('td', {}, loaded ? 'loaded' : state === 'loading' ? 'loading' : 'on demand'),
    create('td', {}, String(history.value('vllm:num_requests_running', id))),
    create('td', {}, String(history.value('vllm:num_requests_waiting', id))),
    create('td', {}, rate.toFixed(0)),
  );
}

/**
 * @param {number} value
 * @returns {[number, string]}
 */
function whole(value) {
  return [value, String(value)];
}

/**
 * @param {number | undefined} seconds
 * @returns {[number | undefined, string]}
 */
function duration(seconds) {
  if (seconds === undefined) return [undefined, '–'];
  if (seconds >= 1) return [seconds, `${seconds.toFixed(1)} s`];
  const value = seconds * 1000;
  return [seconds, `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`];
}
