/**
 * Names of parameters and buffers here, and in PyTorch's state_dict where they differ. Only the last part of a path is
 * looked up: fields of a user's own classes are called in files what they are called in the program.
 */
const IN_PYTORCH: Readonly<Record<string, string>> = {
  runningMean: 'running_mean',
  runningVar: 'running_var',
  numBatchesTracked: 'num_batches_tracked',
};
const HERE = Object.fromEntries(Object.entries(IN_PYTORCH).map(([here, there]) => [there, here]));

function renamed(name: string, table: Readonly<Record<string, string>>): string {
  const begin = name.lastIndexOf('.') + 1;
  const last = name.slice(begin);
  return Object.hasOwn(table, last) ? name.slice(0, begin) + table[last] : name;
}

/** `1.runningMean` as PyTorch calls it: `1.running_mean`. */
export const toPyTorch = (name: string): string => renamed(name, IN_PYTORCH);

/** `1.running_mean` as it is called here: `1.runningMean`. */
export const fromPyTorch = (name: string): string => renamed(name, HERE);
