/**
 * Names of parameters and buffers here, and in PyTorch's state_dict where they differ. Only the last part of a path is
 * looked up: fields of a user's own classes are called in files what they are called in the program.
 */
const HERE: Readonly<Record<string, string>> = {
  running_mean: 'runningMean',
  running_var: 'runningVar',
  num_batches_tracked: 'numBatchesTracked',
};
const IN_PYTORCH = Object.fromEntries(Object.entries(HERE).map(([there, here]) => [here, there]));

function renamed(name: string, table: Readonly<Record<string, string>>): string {
  const begin = name.lastIndexOf('.') + 1;
  const last = name.slice(begin);
  return Object.hasOwn(table, last) ? name.slice(0, begin) + table[last] : name;
}

/** `1.runningMean` as PyTorch calls it: `1.running_mean`. */
export const toPyTorch = (name: string): string => renamed(name, IN_PYTORCH);

/** `1.running_mean` as it is called here: `1.runningMean`. */
export const fromPyTorch = (name: string): string => renamed(name, HERE);
