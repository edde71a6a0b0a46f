import { describe, expect, inject, it } from 'vitest';
import { print, PROGRAMS } from './processes.js';

// What console.log() shows of a tensor, in every runtime that has a terminal.

const installed = [...PROGRAMS].flatMap(([name, program]) => (program ? [{ name, program }] : []));

describe.each(installed)('console.log in $name', ({ program }) => {
  it('shows shape, numbers and gradient of a tensor, not its insides', async () => {
    const lines = (await print(program, inject('app'), 'console.js')).replaceAll(/\s+/g, ' ').trim();
    expect(lines).toBe(
      'Parameter [2, 2] requiresGrad [[1, 2], [3, 4]] gradient [[2, 2], [2, 2]] ' +
        `{ inner: Tensor [1] [0.5]${/bun/.test(program.path) ? ',' : ''} } 0.5 3`,
    );
  });
});
