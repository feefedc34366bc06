import { find } from '../dom.js';

/** @typedef {import('./monitor.js').Monitor} Monitor */

/**
 * The few numbers that are always in sight.
 *
 * @param {HTMLElement} strip
 * @param {Monitor} monitor
 */
export function showStrip(strip, monitor) {
  const text = find(strip, '[data-text]', HTMLElement);
  monitor.onChange(() => {
    const { history, reachable } = monitor;
    const running = history.value('vllm:num_requests_running');
    const waiting = history.value('vllm:num_requests_waiting');
    const rate = history.rate('vllm:generation_tokens_total');
    strip.dataset.state = reachable ? (running > 0 ? 'busy' : 'idle') : 'gone';
    text.textContent = reachable
      ? `${running} running · ${waiting} waiting · ${rate.toFixed(0)} tokens/s`
      : 'the server does not answer';
  });
}
