import { check } from './checks.js';
import type { Case } from './suite.js';

export const runtime: Record<string, Case> = {
  'runtimeInfo() says what runs and why': ({ runtimeInfo, tensor }) => {
    const before = runtimeInfo();
    check(before.build === 'strict' || before.build === 'relaxed', `build is ${String(before.build)}`);
    check(
      before.simd === (before.build === 'strict' ? 'fixed' : 'relaxed'),
      `simd is ${String(before.simd)}`,
    );
    check(before.reason !== '', 'there is no reason for the build');
    check(Number.isInteger(before.threads) && before.threads >= 1, `threads is ${before.threads}`);
    check(before.threadsReason !== '', 'there is no reason for the number of threads');
    const { memoryBytes, maximumBytes, inUseBytes } = before;
    check(
      inUseBytes > 0 && inUseBytes <= memoryBytes && memoryBytes <= maximumBytes,
      `${inUseBytes} of ${memoryBytes} bytes in use, ${maximumBytes} at most`,
    );
    const large = tensor(new Float32Array(2 ** 20), { requiresGrad: true });
    const grown = runtimeInfo();
    check(grown.inUseBytes >= inUseBytes + 2 ** 22, 'a tensor of 4 MiB takes less than that');
    check(grown.memoryBytes > memoryBytes, 'memory did not grow');
    large[Symbol.dispose]();
    check(runtimeInfo().inUseBytes === inUseBytes, 'memory was not given back');
  },
};
