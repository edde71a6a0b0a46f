// A Worker that reads handwritten digits: POST /predict {"pixels": [784 numbers from 0 to 1]}.
import weights from './digits.bin';
import { DigitReader } from './digits.js';
import { answer, expectMethod, expectNumbers, readObject, RequestError } from './requests.js';

/** @type {DigitReader | undefined} */
let model;

export default {
  /** @param {Request} request */
  fetch: (request) =>
    answer(async () => {
      if (new URL(request.url).pathname !== '/predict') throw new RequestError(404, 'try POST /predict');
      expectMethod(request, 'POST');
      const { pixels } = await readObject(request);
      const inputs = expectNumbers('pixels', pixels, 784, 0, 1);
      // Made by the first request; it stays for as long as the Worker does.
      model ??= new DigitReader(weights);
      const probabilities = [...model.predict(inputs)];
      return { digit: probabilities.indexOf(Math.max(...probabilities)), probabilities };
    }),
};
