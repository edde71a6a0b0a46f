// Trainings that never come to an end by themselves, each in its own way.
import setup from './setup.mjs';

const never = new Promise(() => undefined);

const WAYS = {
  'a callback without end': () => ({
    onBatchEnd() {
      for (;;);
    },
  }),
  'a callback that waits for ever': () => ({ onBatchEnd: () => never }),
  'the end of training': () => ({ onTrainEnd: () => never }),
};

export default function stuck({ how, ...input }) {
  if (how === 'a setup without end') for (;;);
  if (how === 'a setup that waits for ever') return never;
  return { ...setup(input), callbacks: [WAYS[how]()] };
}
