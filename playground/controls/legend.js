import { cosineShades, probabilityShades } from '../colour.js';
import { create, setProperties } from '../dom.js';

/** @typedef {import('../colour.js').Shades} Shades */

const SCALES = /** @type {Record<string, { label: string, steps: [text: string, shades: Shades][] }>} */ ({
  probability: {
    label: 'Colours by probability',
    steps: [100, 50, 10, 1, 0.1].map(value => [`${value} %`, probabilityShades(value / 100)]),
  },
  cosine: {
    label: 'Colours by cosine',
    steps: [-1, -0.5, 0, 0.5, 1].map(value => [String(value).replace('-', '−'), cosineShades(value)]),
  },
});

/** Shows what colours mean, wherever there is a `[data-legend]` that names a scale. */
export function drawLegends() {
  for (const place of document.querySelectorAll('[data-legend]')) {
    const scale = SCALES[place.getAttribute('data-legend') ?? ''];
    if (scale === undefined) continue;
    const steps = scale.steps.map(([text, shades]) => {
      const step = create('span', { class: 'step' }, text);
      setProperties(step, shades);
      return step;
    });
    place.replaceChildren(create('span', { class: 'visually-hidden' }, `${scale.label}: `), ...steps);
  }
}
