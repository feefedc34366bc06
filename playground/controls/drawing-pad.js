import { find } from '../dom.js';

/** Width of the pen's line, as a share of the pad. */
const PEN = 0.08;

/**
 * A place to draw a picture by hand, dark on white.
 *
 * @param {HTMLElement} place with a `canvas`, `[data-add]` and `[data-clear]`.
 * @param {(picture: { name: string, url: string }) => void} add
 */
export function drawingPad(place, add) {
  const canvas = find(place, 'canvas', HTMLCanvasElement);
  const context = canvas.getContext('2d');
  if (context === null) return;
  let drawings = 0;
  const clear = () => {
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  clear();

  /** @param {PointerEvent} event */
  const position = event => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - left) / width) * canvas.width,
      y: ((event.clientY - top) / height) * canvas.height,
    };
  };
  /** @type {{ x: number, y: number } | undefined} */
  let last;
  /** @param {PointerEvent} event */
  const draw = event => {
    if (last === undefined) return;
    const to = position(event);
    context.strokeStyle = '#000';
    context.lineCap = 'round';
    context.lineWidth = PEN * canvas.width;
    context.beginPath();
    context.moveTo(last.x, last.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    last = to;
  };
  canvas.addEventListener('pointerdown', event => {
    canvas.setPointerCapture(event.pointerId);
    last = position(event);
    draw(event);
  });
  canvas.addEventListener('pointermove', draw);
  for (const type of ['pointerup', 'pointercancel']) canvas.addEventListener(type, () => (last = undefined));

  find(place, '[data-clear]', HTMLButtonElement).addEventListener('click', clear);
  find(place, '[data-add]', HTMLButtonElement).addEventListener('click', () => {
    add({ name: `drawing ${++drawings}`, url: canvas.toDataURL('image/png') });
    clear();
  });
}
