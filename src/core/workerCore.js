// What a worker does, on any host. Plain JavaScript, like the two files that use it: hosts load a worker's file
// themselves, and not all of them read TypeScript.

/**
 * @typedef {object} Duty
 * @property {WebAssembly.Module} module the core
 * @property {WebAssembly.Memory} memory
 * @property {number} control pointer to the control block
 * @property {number} rank from 1 on
 * @property {{ failed: number, finished: number, message: number, messageUnits: number }} words where the control
 * block holds them, in bytes: assembly/opcodes.ts, which this file cannot read
 */

/**
 * Starts the core, says so, and serves until told to stop. Does not return before: the thread sleeps in WebAssembly.
 *
 * @param {Duty} duty
 * @param {(message: { ready: true } | { error: string }) => void} tell
 */
export function work({ module, memory, control, rank, words }, tell) {
  let serve;
  try {
    serve = /** @type {(control: number, rank: number) => void} */ (
      new WebAssembly.Instance(module, { env: { memory } }).exports.serve
    );
  } catch (error) {
    tell({ error: String(error) });
    return;
  }
  tell({ ready: true });
  try {
    serve(control, rank);
  } catch (error) {
    // The leader waits for the slice and reads no messages meanwhile: the reason goes through memory.
    const text = String(error).slice(0, words.messageUnits);
    const start = control + words.message;
    new Int32Array(memory.buffer)[start / 4] = text.length;
    const units = new Uint16Array(memory.buffer, start + 4, text.length);
    for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
    const shared = new Int32Array(memory.buffer);
    Atomics.store(shared, (control + words.failed) / 4, rank);
    Atomics.add(shared, (control + words.finished) / 4, 1);
    Atomics.notify(shared, (control + words.finished) / 4);
    tell({ error: text });
  }
}
