// The curve of the losses, on a logarithmic scale.
import { colour, context, fit } from './canvas.js';

const HIGHEST = 1;
const LOWEST = 1e-4;
/** More than there are pixels to show them. */
const MOST_POINTS = 1000;

export class Curve {
  /** @type {{ epoch: number, train: number, test: number }[]} */
  #points = [];

  constructor(/** @type {HTMLCanvasElement} */ canvas) {
    this.canvas = canvas;
  }

  clear() {
    this.#points = [];
    this.show();
  }

  /**
   * @param {number} epoch
   * @param {number} train loss on the points it learns from
   * @param {number} test loss on the others
   */
  add(epoch, train, test) {
    this.#points.push({ epoch, train, test });
    if (this.#points.length > MOST_POINTS) this.#points = this.#points.filter((_, i) => i % 2 === 1);
  }

  show() {
    const { width, height } = fit(this.canvas);
    const paint = context(this.canvas);
    const left = 54;
    const right = width - 6;
    const top = 10;
    const bottom = height - 24;
    const last = Math.max(100, this.#points.at(-1)?.epoch ?? 0);
    const x = (/** @type {number} */ epoch) => left + (epoch / last) * (right - left);
    const y = (/** @type {number} */ loss) => {
      const share =
        Math.log(HIGHEST / Math.min(HIGHEST, Math.max(LOWEST, loss))) / Math.log(HIGHEST / LOWEST);
      return top + share * (bottom - top);
    };

    paint.clearRect(0, 0, width, height);
    paint.font = `12px ${getComputedStyle(this.canvas).fontFamily}`;
    paint.fillStyle = colour('--quiet');
    paint.strokeStyle = colour('--line');
    paint.lineWidth = 1;
    paint.textBaseline = 'middle';
    paint.textAlign = 'right';
    for (let tick = HIGHEST; tick >= LOWEST * 0.99; tick /= 10) {
      paint.fillText(String(Number(tick.toPrecision(1))), left - 8, y(tick));
      paint.beginPath();
      paint.moveTo(left, Math.round(y(tick)) + 0.5);
      paint.lineTo(right, Math.round(y(tick)) + 0.5);
      paint.stroke();
    }
    paint.textBaseline = 'alphabetic';
    paint.fillText(`epoch ${last.toLocaleString('en')}`, right, height - 4);
    paint.textAlign = 'left';
    paint.fillText('0', left, height - 4);

    paint.lineJoin = 'round';
    for (const [key, name, thickness] of /** @type {const} */ ([
      ['test', '--test', 1.5],
      ['train', '--train', 2],
    ])) {
      paint.strokeStyle = colour(name);
      paint.lineWidth = thickness;
      paint.beginPath();
      for (const point of this.#points) paint.lineTo(x(point.epoch), y(point[key]));
      paint.stroke();
    }
  }
}
