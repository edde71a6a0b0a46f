import { namedModules, outputFor, type Module } from '../nn/module.js';
import type { Tensor } from '../tensor/tensor.js';

/** Follows which module's forward() is running. */
export class LayerTrace {
  private readonly running: string[] = [];

  /** Path of the innermost module that is running. */
  current(): string | undefined {
    return this.running.at(-1);
  }

  /**
   * Runs `work` with every forward() of the model followed.
   *
   * @param onOutput told what each of them returned
   */
  during<T>(
    model: Module,
    work: () => T,
    onOutput?: (path: string, module: Module, output: Tensor) => void,
  ): T {
    const undo: (() => void)[] = [];
    try {
      for (const [module, path] of namedModules(model)) {
        const own = Object.getOwnPropertyDescriptor(module, 'forward');
        const { forward } = module;
        const followed = (input: Tensor): Tensor => {
          this.running.push(path);
          try {
            const output = outputFor(module, input, { forward });
            onOutput?.(path, module, output);
            return output;
          } finally {
            this.running.pop();
          }
        };
        Object.defineProperty(module, 'forward', { value: followed, configurable: true, writable: true });
        undo.push(() => {
          if (own) Object.defineProperty(module, 'forward', own);
          else delete (module as Partial<Module>).forward;
        });
      }
      return work();
    } finally {
      for (const restore of undo) restore();
    }
  }
}
