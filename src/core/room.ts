import { engine } from './engine.js';

/** Refuses a tensor that is larger than all memory there can be, before its numbers are made. */
export function checkRoom(operation: string, shape: readonly number[]): void {
  const bytes = shape.reduce((product, length) => product * length, 4);
  const { maximumBytes } = engine();
  if (bytes > maximumBytes) {
    throw new RangeError(
      `${operation}: ${shape.join(' · ')} numbers take ${bytes} bytes, WebAssembly has ${maximumBytes} here`,
    );
  }
}
