import binaryen from 'assemblyscript/binaryen';

/** As vectors of constants they take 18 bytes each; a machine makes the zeros from nothing, and the ones in two instructions. */
const OFTEN = /\(v128\.const i32x4 (0x[0-9a-f]{8})(?: \1){3}\)/g;

/**
 * The same module with a splat for each vector of zeros or ones: for builds that must be small. Compilers know no other form than
 * the constant, and go back to it when they optimize.
 *
 * @param {Uint8Array} code
 */
export function shorten(code) {
  const long = binaryen.readBinary(code);
  const text = long.emitText().replaceAll(OFTEN, '(i32x4.splat (i32.const $1))');
  long.dispose();
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.All);
  if (!module.validate()) throw new Error('shorten: the module is not valid any more');
  const result = module.emitBinary();
  module.dispose();
  return result;
}
