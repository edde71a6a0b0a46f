import { FLAG_DECOUPLED, FLAG_MAXIMIZE, FLAG_NESTEROV, Update } from '../../assembly/opcodes.js';

/** The float64 options of UPDATE, in their order. */
export interface UpdateOptions {
  lr: number;
  weightDecay?: number;
  first?: number;
  second?: number;
  third?: number;
  fourth?: number;
}

/** Float64 state of one element. */
export interface ElementState {
  p: number;
  buffers: number[];
}

export interface UpdateVariant {
  name: string;
  update: Update;
  flags?: number;
  options: UpdateOptions;
  /** Which of the three buffers there are. */
  buffers: [boolean, boolean, boolean];
}

const adaptive = { first: 0.9, second: 0.99, third: 1e-8 };
const averages: [boolean, boolean, boolean] = [true, true, false];
const one: [boolean, boolean, boolean] = [true, false, false];

/** Every optimizer with the options that take another way through it. */
export const UPDATES: readonly UpdateVariant[] = [
  { name: 'SGD', update: Update.SGD, options: { lr: 0.05 }, buffers: [false, false, false] },
  {
    name: 'SGD with weight decay',
    update: Update.SGD,
    options: { lr: 0.05, weightDecay: 0.1 },
    buffers: [false, false, false],
  },
  { name: 'SGD with momentum', update: Update.SGD, options: { lr: 0.05, first: 0.9 }, buffers: one },
  {
    name: 'SGD with dampening',
    update: Update.SGD,
    options: { lr: 0.05, weightDecay: 0.01, first: 0.9, second: 0.3 },
    buffers: one,
  },
  {
    name: 'SGD, Nesterov, uphill',
    update: Update.SGD,
    flags: FLAG_NESTEROV | FLAG_MAXIMIZE,
    options: { lr: 0.05, weightDecay: 0.01, first: 0.8 },
    buffers: one,
  },
  { name: 'Adam', update: Update.ADAM, options: { lr: 0.05, ...adaptive }, buffers: averages },
  {
    name: 'Adam with amsgrad and weight decay',
    update: Update.ADAM,
    options: { lr: 0.05, weightDecay: 0.1, ...adaptive },
    buffers: [true, true, true],
  },
  {
    name: 'AdamW',
    update: Update.ADAM,
    flags: FLAG_DECOUPLED | FLAG_MAXIMIZE,
    options: { lr: 0.05, weightDecay: 0.1, ...adaptive },
    buffers: averages,
  },
  {
    name: 'NAdam',
    update: Update.NADAM,
    options: { lr: 0.05, weightDecay: 0.1, ...adaptive, fourth: 0.004 },
    buffers: averages,
  },
  {
    name: 'RMSprop',
    update: Update.RMSPROP,
    options: { lr: 0.05, second: 0.9, third: 1e-8 },
    buffers: one,
  },
  {
    name: 'RMSprop, centred, with momentum',
    update: Update.RMSPROP,
    options: { lr: 0.05, weightDecay: 0.1, first: 0.8, second: 0.9, third: 1e-8 },
    buffers: [true, true, true],
  },
  {
    name: 'RMSprop with momentum',
    update: Update.RMSPROP,
    options: { lr: 0.05, first: 0.8, second: 0.9, third: 1e-8 },
    buffers: [true, false, true],
  },
  {
    name: 'Adagrad',
    update: Update.ADAGRAD,
    options: { lr: 0.05, weightDecay: 0.1, first: 0.5, third: 1e-10 },
    buffers: one,
  },
  {
    name: 'Adadelta',
    update: Update.ADADELTA,
    options: { lr: 1, weightDecay: 0.1, second: 0.9, third: 1e-6 },
    buffers: averages,
  },
  {
    name: 'Lion',
    update: Update.LION,
    flags: FLAG_DECOUPLED,
    options: { lr: 0.05, weightDecay: 0.1, first: 0.9, second: 0.99 },
    buffers: one,
  },
];

/** Step t (from 1 on) of one element in float64, written down from the papers. */
export function step64(variant: UpdateVariant, t: number, gradient: number, element: ElementState): void {
  const { update, flags = 0, buffers: has } = variant;
  const { lr, weightDecay = 0, first = 0, second = 0, third = 0, fourth = 0 } = variant.options;
  const b = element.buffers;
  let g = flags & FLAG_MAXIMIZE ? -gradient : gradient;
  if (flags & FLAG_DECOUPLED) element.p *= 1 - lr * weightDecay;
  else g += weightDecay * element.p;
  const blend = (i: number, keep: number, value: number): number => (b[i] = keep * b[i] + (1 - keep) * value);
  switch (update) {
    case Update.SGD: {
      if (has[0]) {
        b[0] = t === 1 ? g : first * b[0] + (1 - second) * g;
        g = flags & FLAG_NESTEROV ? g + first * b[0] : b[0];
      }
      element.p -= lr * g;
      return;
    }
    case Update.ADAM:
    case Update.NADAM: {
      const m = blend(0, first, g);
      let v = blend(1, second, g * g);
      if (has[2]) v = b[2] = Math.max(b[2], v);
      const root = Math.sqrt(v / (1 - second ** t)) + third;
      if (update === Update.ADAM) {
        element.p -= ((lr / (1 - first ** t)) * m) / root;
        return;
      }
      const mu = (at: number): number => first * (1 - 0.5 * 0.96 ** (at * fourth));
      let product = 1;
      for (let at = 1; at <= t; at++) product *= mu(at);
      const next = mu(t + 1);
      element.p -= (lr * ((next * m) / (1 - product * next) + ((1 - mu(t)) * g) / (1 - product))) / root;
      return;
    }
    case Update.RMSPROP: {
      let v = blend(0, second, g * g);
      if (has[1]) v -= blend(1, second, g) ** 2;
      let d = g / (Math.sqrt(v) + third);
      if (has[2]) d = b[2] = first * b[2] + d;
      element.p -= lr * d;
      return;
    }
    case Update.ADAGRAD: {
      b[0] += g * g;
      element.p -= ((lr / (1 + (t - 1) * first)) * g) / (Math.sqrt(b[0]) + third);
      return;
    }
    case Update.ADADELTA: {
      const v = blend(0, second, g * g);
      const d = (Math.sqrt(b[1] + third) / Math.sqrt(v + third)) * g;
      blend(1, second, d * d);
      element.p -= lr * d;
      return;
    }
    case Update.LION: {
      element.p -= lr * Math.sign(first * b[0] + (1 - first) * g);
      blend(0, second, g);
    }
  }
}
