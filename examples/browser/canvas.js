// What both pictures need: sizes in CSS pixels on sharp screens, and the colours of the style sheet.

export function context(/** @type {HTMLCanvasElement} */ canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
}

/** Gives the canvas as many pixels as its place on the screen has; from then on one draws in CSS pixels. */
export function fit(/** @type {HTMLCanvasElement} */ canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = Math.min(devicePixelRatio, 2);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context(canvas).setTransform(ratio, 0, 0, ratio, 0, 0);
  return { width, height };
}

/** A colour of the style sheet, such as `--first`; for light or dark, whichever is on. */
export function colour(/** @type {string} */ name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Red, green and blue of a colour between two, given as #rrggbb. */
export function mix(/** @type {string} */ from, /** @type {string} */ to, /** @type {number} */ share) {
  const parts = (/** @type {string} */ hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const [a, b] = [parts(from), parts(to)];
  return a.map((value, i) => Math.round(value + share * (b[i] - value)));
}
