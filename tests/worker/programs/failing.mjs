import setup from './setup.mjs';

class OwnError extends Error {
  name = 'OwnError';
  code = 7;
}

export default function failing(input) {
  return {
    ...setup(input),
    callbacks: [
      {
        onEpochEnd() {
          throw new OwnError('no more');
        },
      },
    ],
  };
}
