// A Worker that goes on learning from the requests it gets, one step for each. Every name is a model of its own:
//   POST /flowers/learn   {"inputs": [4 numbers], "label": 0, 1 or 2}   →  {"loss": …, "steps": …}
//   POST /flowers/predict {"inputs": [4 numbers]}                       →  {"label": …, "probabilities": […], "steps": …}
import { capture, nn, optim, tensor } from 'wasmgrad';
import { answer, expectMethod, expectNumbers, readObject, RequestError } from './requests.js';

const INPUTS = 4;
const CLASSES = 3;
/** Inputs beyond this are taken for a mistake: one of them could undo what was learnt. */
const LARGEST_INPUT = 100;

/** @typedef {{ steps: number, weights: Record<string, Float32Array> }} Saved */
/**
 * What is used here of Cloudflare's Durable Objects.
 *
 * @typedef {object} DurableObjectState
 * @property {{ get(key: string): Promise<Saved | undefined>, put(key: string, value: Saved): Promise<void> }} storage
 * @property {(work: () => Promise<void>) => void} blockConcurrencyWhile
 */
/** @typedef {{ fetch(request: Request): Promise<Response> }} Stub */
/** @typedef {{ LEARNER: { idFromName(name: string): unknown, get(id: unknown): Stub } }} Env */

/** One model that learns. Cloudflare runs one of each name in the world, in one thread. */
export class Learner {
  steps = 0;
  model = new nn.Sequential(new nn.Linear(INPUTS, 16), new nn.Tanh(), new nn.Linear(16, CLASSES));
  optimizer = new optim.SGD(this.model.parameters(), { lr: 0.05 });
  loss = new nn.CrossEntropyLoss();
  /** Recorded by the first request, replayed in WebAssembly by the others. */
  step = capture((inputs, label) => {
    this.optimizer.zeroGrad();
    const loss = this.loss.forward(this.model.forward(inputs), label);
    loss.backward();
    this.optimizer.step();
    return loss;
  });

  /** @param {DurableObjectState} state */
  constructor(state) {
    this.storage = state.storage;
    this.model.output = 'softmax'; // predict() gives probabilities
    // Requests wait until this is done.
    state.blockConcurrencyWhile(async () => {
      const saved = await this.storage.get('model');
      if (!saved) return;
      this.steps = saved.steps;
      this.model.loadStateDict(tensors(this.model, saved.weights));
    });
  }

  /** @param {Request} request */
  fetch(request) {
    return answer(async () => {
      expectMethod(request, 'POST');
      const { pathname } = new URL(request.url);
      const body = await readObject(request);
      const inputs = expectNumbers('inputs', body.inputs, INPUTS, -LARGEST_INPUT, LARGEST_INPUT);
      // Nothing is awaited in these two, so no other request comes between reading the weights and changing them.
      return pathname.endsWith('/learn') ? this.learn(inputs, body.label) : this.predict(inputs);
    });
  }

  /** @param {Float32Array} inputs @param {unknown} label */
  learn(inputs, label) {
    if (!Number.isInteger(label) || Number(label) < 0 || Number(label) >= CLASSES) {
      throw new RequestError(
        400,
        `expected label to be a class from 0 to ${CLASSES - 1}, got ${JSON.stringify(label)}`,
      );
    }
    const loss = this.step(tensor(inputs, { shape: [1, INPUTS] }), tensor([Number(label)])).item();
    this.steps++;
    const weights = Object.fromEntries(this.model.namedParameters().map(([name, { data }]) => [name, data]));
    // Not awaited: the answer is held back until it is written, and should that fail, the object begins anew from what was.
    void this.storage.put('model', { steps: this.steps, weights });
    return { loss, steps: this.steps };
  }

  /** @param {Float32Array} inputs */
  predict(inputs) {
    const probabilities = [...this.model.predict(inputs)];
    return {
      label: probabilities.indexOf(Math.max(...probabilities)),
      probabilities,
      steps: this.steps,
    };
  }
}

/**
 * Weights from the storage, in the shapes that they have in the model.
 *
 * @param {nn.Module} model
 * @param {Saved['weights']} weights
 */
function tensors(model, weights) {
  return Object.fromEntries(
    model.namedParameters().map(([name, { shape }]) => [name, tensor(weights[name], { shape })]),
  );
}

export default {
  /** @param {Request} request @param {Env} env */
  fetch: (request, env) => {
    const [, name, task] = /^\/([\w-]{1,64})\/(learn|predict)$/.exec(new URL(request.url).pathname) ?? [];
    if (!task) {
      return answer(async () => {
        throw new RequestError(404, 'try POST /name/learn or POST /name/predict');
      });
    }
    return env.LEARNER.get(env.LEARNER.idFromName(name)).fetch(request);
  },
};
