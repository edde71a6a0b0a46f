// Trainings that end with what no message holds.
import setup from './setup.mjs';

const throwing = () => {
  throw new Error('looked at');
};
const circular = [];
circular.push(circular);

const WAYS = {
  null: () => null,
  undefined: () => undefined,
  'a text': () => 'text',
  'a symbol': () => Symbol('s'),
  'an object without text': () => Object.create(null),
  'an error with getters': () =>
    Object.defineProperties(new Error('getters'), {
      code: { get: throwing, enumerable: true },
      name: { get: throwing },
    }),
  'an error with a message that is no text': () =>
    Object.assign(new Error(), { message: { toString: throwing } }),
  'an error with functions and cycles': () => Object.assign(new Error('full'), { f() {}, circular, code: 7 }),
  'an error by our name': () =>
    Object.assign(new Error('ours'), { name: 'DivergenceError', lastGoodState: 3 }),
  'a proxy': () =>
    new Proxy(new Error('behind'), { get: throwing, ownKeys: throwing, getPrototypeOf: throwing }),
};

export default function odd({ how, ...input }) {
  const made = setup(input);
  if (how === 'a disposed model') {
    return { ...made, callbacks: [{ onEpochEnd: () => made.model[Symbol.dispose]() }] };
  }
  if (how === 'nothing') return undefined;
  if (how === 'an empty object') return {};
  if (how === 'a number') return 7;
  if (how === 'a model that is none') return { ...made, model: {} };
  if (how === 'no model') return { ...made, model: undefined };
  if (how === 'a state that is a function') {
    const state = { onEpochEnd() {}, stateDict: () => ({ f() {} }) };
    return { ...made, callbacks: [state] };
  }
  const onEpochEnd = () => {
    throw WAYS[how]();
  };
  return { ...made, callbacks: [{ onEpochEnd }] };
}
