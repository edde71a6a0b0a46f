// A Worker to be measured from outside, since clocks stand still inside: /n makes n predictions, one after the other.
import weights from '../../examples/edge/digits.bin';
import { DigitReader } from '../../examples/edge/digits.js';

const model = new DigitReader(weights);

export default {
  /** @param {Request} request */
  fetch(request) {
    const count = Number(new URL(request.url).pathname.slice(1));
    const pixels = new Float32Array(784).fill(0.1);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += model.predict(pixels)[0];
    return new Response(String(sum));
  },
};
