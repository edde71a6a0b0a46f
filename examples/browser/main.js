// The controls, and the one loop: in each frame some training, then some drawing, then the page has its turn.
import { Boundary } from './boundary.js';
import { Curve } from './curve.js';
import { spirals } from './spirals.js';
import { Trainer } from './trainer.js';
import { runtimeInfo } from './wasmgrad.js';

/** What a frame may spend on training and on the boundary, in milliseconds: half of the 16 that it has. */
const TRAINING_MS = 5;
const DRAWING_MS = 3;
/** Between two pictures, where somebody asked for less motion. */
const STILL_MS = 500;

const LEARNING_RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1];
const EPOCHS_IN_A_FRAME = [1, 2, 5, 20, 100, Infinity];
const UNITS = [2, 4, 8, 16, 24, 32, 64];

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const canvas = (/** @type {string} */ id) => /** @type {HTMLCanvasElement} */ (element(id));
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (element(id));
const toggle = /** @type {HTMLButtonElement} */ (element('toggle'));
const reset = /** @type {HTMLButtonElement} */ (element('reset'));
const lessMotion = matchMedia('(prefers-reduced-motion: reduce)');

const training = spirals(160, 1);
const held = spirals(160, 2);
const boundary = new Boundary(canvas('boundary'), training);
const curve = new Curve(canvas('curve'));

/** @type {Trainer} */
let trainer;
let running = false;
/** Whether a frame is on its way. */
let asked = false;
/** Each network begins with other random weights. */
let seed = 0;
/** The best accuracy so far. */
let best = 0;
/** When the last picture was whole. */
let drawn = 0;

function settings() {
  return {
    lr: LEARNING_RATES[input('lr').valueAsNumber],
    epochs: EPOCHS_IN_A_FRAME[input('speed').valueAsNumber],
    layers: input('layers').valueAsNumber,
    units: UNITS[input('units').valueAsNumber],
    activation: /** @type {import('./trainer.js').Activation} */ (input('activation').value),
  };
}

/** Says something, also to those who cannot see the page. */
function say(/** @type {string} */ text) {
  element('status').textContent = text;
}

function showSettings() {
  const { lr, epochs, layers, units } = settings();
  for (const [id, text] of Object.entries({
    lr: String(lr),
    speed: epochs === Infinity ? 'all that fit' : String(epochs),
    layers: String(layers),
    units: String(units),
  })) {
    element(`${id}-value`).textContent = text;
    // What a screen reader says instead of the slider's position.
    input(id).setAttribute('aria-valuetext', text);
  }
}

function showFigures(/** @type {number} */ loss, /** @type {number} */ accuracy) {
  element('epoch').textContent = trainer.epoch.toLocaleString('en');
  element('loss').textContent = Number.isNaN(loss) ? '–' : loss.toPrecision(2);
  element('accuracy').textContent = `${(100 * accuracy).toFixed(1)} %`;
  element('time').textContent =
    trainer.milliseconds < 1000
      ? `${trainer.milliseconds.toFixed(0)} ms`
      : `${(trainer.milliseconds / 1000).toFixed(1)} s`;
}

/** A network that knows nothing yet. */
function begin() {
  const { lr, layers, units, activation } = settings();
  trainer = new Trainer(training, { lr, layers, units, activation, seed: ++seed });
  best = 0;
  curve.clear();
  boundary.beginAnew();
  askForFrame();
  showFigures(NaN, trainer.test(held).accuracy);
  const widths = [2, ...new Array(layers).fill(units), 2].join('-');
  element('network').textContent =
    `${widths}, ${trainer.parameters.toLocaleString('en')} parameters · Adam, batches of 32 · ` +
    `${runtimeInfo().build} build of the core`;
}

function run(/** @type {boolean} */ wanted) {
  running = wanted;
  toggle.textContent = running ? 'Pause' : trainer.epoch > 0 ? 'Resume' : 'Start';
  askForFrame();
}

function askForFrame() {
  if (!asked) requestAnimationFrame(frame);
  asked = true;
}

function frame() {
  asked = false;
  if (running) train();
  const now = performance.now();
  // Where somebody asked for less motion, pictures of the training are few.
  const still = running && lessMotion.matches && now - drawn < STILL_MS;
  const whole = !still && boundary.draw(trainer.model, now + DRAWING_MS);
  if (whole) drawn = now;
  if (running || !whole) askForFrame();
}

function train() {
  const loss = trainer.train(settings().epochs, performance.now() + TRAINING_MS);
  const { loss: heldLoss, accuracy } = trainer.test(held);
  curve.add(trainer.epoch, loss, heldLoss);
  curve.show();
  showFigures(loss, accuracy);
  if (!Number.isFinite(loss)) {
    run(false);
    say('The loss is no number any more. Take a smaller learning rate, and reset.');
  }
  for (const goal of [0.9, 0.99]) {
    if (best < goal && accuracy >= goal)
      say(`${100 * goal} % of the test points are right after ${trainer.epoch} epochs.`);
  }
  best = Math.max(best, accuracy);
}

toggle.addEventListener('click', () => {
  run(!running);
  say(running ? 'Training.' : `Paused after ${trainer.epoch} epochs.`);
});
reset.addEventListener('click', () => {
  begin();
  run(false);
  say('A new network, with other random weights.');
});
// The learning rate changes under the training; another network has to learn from the beginning.
input('lr').addEventListener('input', () => (trainer.optimizer.lr = settings().lr));
for (const id of ['layers', 'units', 'activation']) {
  element(id).addEventListener('input', () => {
    begin();
    run(running);
    say('A new network, for the new shape.');
  });
}
document.querySelector('form')?.addEventListener('input', showSettings);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  boundary.readColours();
  boundary.beginAnew();
  askForFrame();
  curve.show();
});

try {
  showSettings();
  begin();
  new ResizeObserver(() => {
    boundary.show();
    curve.show();
  }).observe(document.body);
  toggle.disabled = reset.disabled = false;
  say('Ready.');
} catch (error) {
  say(`This browser cannot train here: ${error instanceof Error ? error.message : error}`);
}
