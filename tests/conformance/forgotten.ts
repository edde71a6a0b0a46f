import { check } from './checks.js';
import { LOSSES } from './losses.js';
import { MODULES } from './modules.js';
import { OPERATIONS } from './operations.js';
import { OPTIMIZERS, SCHEDULES } from './optimizers.js';
import type { Case } from './suite.js';

/** Properties of tensors that are no operations. */
const NO_OPERATIONS = ['constructor', 'grad', 'data', 'item', 'toArray', 'toJSON', 'detach', 'backward'];

/** A class, whether or not its constructor is public. */
type Class = { readonly prototype: object };

/** Names of the classes among the exports of a namespace that extend `base`. */
function subclasses(namespace: object, base: Class): string[] {
  return Object.entries(namespace)
    .filter(
      ([, value]) => typeof value === 'function' && base.prototype.isPrototypeOf(value.prototype as object),
    )
    .map(([name]) => name);
}

function compare(what: string, exported: readonly string[], table: object): void {
  const known = new Set(Object.keys(table).map((name) => name.split(' ')[0]));
  const missing = exported.filter((name) => !known.has(name));
  const gone = [...known].filter((name) => !exported.includes(name));
  check(missing.length === 0, `${what} without a case: ${missing.join(', ')}`);
  check(gone.length === 0, `${what} that there are not: ${gone.join(', ')}`);
  check(exported.length > 5, `only ${exported.length} ${what} were found`);
}

export const forgotten: Record<string, Case> = {
  'every operation, module, loss, optimizer and schedule has a case': ({ nn, optim, Tensor }) => {
    const operations: string[] = [];
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype))) {
      if (typeof value === 'function' && !NO_OPERATIONS.includes(name)) operations.push(name);
    }
    compare('operations', [...operations, 'concat', 'defineOp'], OPERATIONS);
    compare('modules', subclasses(nn, nn.Module), MODULES);
    compare(
      'losses',
      Object.keys(nn).filter((name) => name.endsWith('Loss')),
      LOSSES,
    );
    compare('optimizers', subclasses(optim, optim.Optimizer), OPTIMIZERS);
    compare('schedules', subclasses(optim, optim.Scheduler), SCHEDULES);
  },
};
