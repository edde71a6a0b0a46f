// The decision boundary: what the network says of every place in the square, and the points it learns from.
import { colour, context, fit, mix } from './canvas.js';

/** Cells on a side. They are drawn larger, smoothly. */
const CELLS = 128;
/** Rows of cells that are asked for at once: the work between two looks at the clock. */
const STRIP = 8;

export class Boundary {
  /** The next row of cells; those above it are known. */
  #row = 0;
  #cells = new OffscreenCanvas(CELLS, CELLS);
  #image = new ImageData(CELLS, CELLS);
  #palette = new Uint32Array(256);

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./trainer.js').Points} points
   */
  constructor(canvas, points) {
    this.canvas = canvas;
    this.points = points;
    this.readColours();
  }

  /** To be called again when they have changed. */
  readColours() {
    const [first, middle, second] = ['--first', '--undecided', '--second'].map((name) => colour(name));
    // Steepest in the middle, where the boundary runs, and never so strong that the points get lost.
    for (let i = 0; i < 256; i++) {
      const side = i / 127.5 - 1;
      const strength = 0.12 + 0.33 * Math.abs(side) ** 0.7;
      const [r, g, b] = mix(middle, side < 0 ? first : second, strength);
      this.#palette[i] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
  }

  /**
   * Asks the model about as many strips as there is time for (one at least), and shows the picture when it is whole; the
   * next call begins another.
   *
   * @param {import('./wasmgrad.js').nn.Module} model
   * @param {number} deadline on the clock of performance.now()
   * @returns whether it is whole
   */
  draw(model, deadline) {
    do {
      this.#ask(model);
      if (this.#row === CELLS) {
        this.#row = 0;
        this.show();
        return true;
      }
    } while (performance.now() < deadline);
    return false;
  }

  /** What is known is out of date. */
  beginAnew() {
    this.#row = 0;
  }

  #ask(/** @type {import('./wasmgrad.js').nn.Module} */ model) {
    const places = new Float32Array(STRIP * CELLS * 2);
    for (let i = 0; i < STRIP * CELLS; i++) {
      places[2 * i] = (2 * ((i % CELLS) + 0.5)) / CELLS - 1;
      places[2 * i + 1] = 1 - (2 * (this.#row + Math.floor(i / CELLS) + 0.5)) / CELLS;
    }
    const probabilities = model.predict(places);
    const pixels = new Uint32Array(this.#image.data.buffer, this.#row * CELLS * 4, STRIP * CELLS);
    pixels.forEach((_, i) => (pixels[i] = this.#palette[Math.round(255 * probabilities[2 * i + 1]) || 0]));
    this.#row += STRIP;
  }

  /** Paints what is known, and the points. */
  show() {
    const side = fit(this.canvas).width;
    const paint = context(this.canvas);
    const cells = /** @type {OffscreenCanvasRenderingContext2D} */ (this.#cells.getContext('2d'));
    cells.putImageData(this.#image, 0, 0);
    paint.drawImage(this.#cells, 0, 0, side, side);

    const { points, labels } = this.points;
    const size = Math.max(2.6, side / 150);
    paint.lineWidth = 1.25;
    paint.strokeStyle = colour('--rim');
    for (const arm of [0, 1]) {
      paint.fillStyle = colour(arm === 0 ? '--first' : '--second');
      paint.beginPath();
      labels.forEach((label, i) => {
        if (label !== arm) return;
        const x = ((points[2 * i] + 1) / 2) * side;
        const y = ((1 - points[2 * i + 1]) / 2) * side;
        // Discs and squares, for those who do not see the colours.
        if (arm === 0) {
          paint.moveTo(x + size, y);
          paint.arc(x, y, size, 0, 2 * Math.PI);
        } else paint.rect(x - 0.88 * size, y - 0.88 * size, 1.76 * size, 1.76 * size);
      });
      paint.fill();
      paint.stroke();
    }
  }
}
