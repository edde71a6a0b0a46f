import binaryen from 'assemblyscript/binaryen';

const FUSED = '(f32x4.relaxed_madd';

/**
 * A module with a product and a sum for each fused multiply-add of another. A strict build is made of a relaxed one, so that
 * both are the same but for that: compiled by itself, it would have its local variables in another order, and what differs
 * would take twice the bytes.
 *
 * @param {Uint8Array} code
 */
export function unfuse(code) {
  const fused = binaryen.readBinary(code);
  let text = fused.emitText();
  fused.dispose();
  // From the last one on, so that what is inside another is seen after it.
  for (let at = text.lastIndexOf(FUSED); at >= 0; at = text.lastIndexOf(FUSED)) {
    let from = at + FUSED.length;
    const operands = [0, 1, 2].map(() => {
      const begin = text.indexOf('(', from);
      from = endOf(text, begin);
      return text.slice(begin, from);
    });
    const [a, b, addend] = operands;
    text = `${text.slice(0, at)}(f32x4.add (f32x4.mul ${a} ${b}) ${addend}${text.slice(from)}`;
  }
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.All);
  if (!module.validate()) throw new Error('unfuse: the module is not valid any more');
  const result = module.emitBinary();
  module.dispose();
  return result;
}

/**
 * Where an expression in parentheses ends.
 *
 * @param {string} text
 * @param {number} begin
 */
function endOf(text, begin) {
  let depth = 0;
  let at = begin;
  do {
    if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    at++;
  } while (depth > 0);
  return at;
}
