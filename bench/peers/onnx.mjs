import * as ort from 'onnxruntime-web';
import { numbersOf } from '../workloads.mjs';

export function describe() {
  ort.env.wasm.numThreads = 1;
  return { version: `${ort.env.versions.web} wasm` };
}

// A few lines of protobuf: enough to write a chain of Gemm and Relu as an ONNX model.
const varint = (value) => {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
};
const bytesField = (field, bytes) => [field * 8 + 2, ...varint(bytes.length), ...bytes];
const text = (field, value) => bytesField(field, [...new TextEncoder().encode(value)]);
const number = (field, value) => [...varint(field * 8), ...varint(value)];

function valueInfo(field, name, width) {
  const shape = [...bytesField(1, text(2, 'batch')), ...bytesField(1, number(1, width))];
  const type = bytesField(1, [...number(1, 1), ...bytesField(2, shape)]);
  return bytesField(field, [...text(1, name), ...bytesField(2, type)]);
}

function modelOf(workload) {
  const { weights } = numbersOf(workload);
  const graph = [];
  let input = 'x';
  weights.forEach(({ weight, bias, inFeatures, outFeatures }, i) => {
    const initializer = (name, dims, values) =>
      graph.push(
        bytesField(5, [
          ...dims.flatMap((d) => number(1, d)),
          ...number(2, 1),
          ...text(8, name),
          ...bytesField(9, new Uint8Array(values.buffer)),
        ]),
      );
    initializer(`w${i}`, [outFeatures, inFeatures], weight);
    initializer(`b${i}`, [outFeatures], bias);
    const last = i === weights.length - 1;
    const transpose = bytesField(5, [...text(1, 'transB'), ...number(3, 1), ...number(20, 2)]);
    graph.push(
      bytesField(1, [
        ...[input, `w${i}`, `b${i}`].flatMap((name) => text(1, name)),
        ...text(2, last ? 'y' : `z${i}`),
        ...text(4, 'Gemm'),
        ...transpose,
      ]),
    );
    if (!last) graph.push(bytesField(1, [...text(1, `z${i}`), ...text(2, `h${i}`), ...text(4, 'Relu')]));
    input = `h${i}`;
  });
  const { layers } = workload;
  const body = [
    ...graph.flat(),
    ...text(2, 'mlp'),
    ...valueInfo(11, 'x', layers[0]),
    ...valueInfo(12, 'y', layers.at(-1)),
  ];
  return Uint8Array.from([...number(1, 7), ...bytesField(7, body), ...bytesField(8, number(2, 13))]);
}

export const tasks = {
  async predict(workload) {
    const session = await ort.InferenceSession.create(modelOf(workload));
    const { inputs } = numbersOf(workload);
    const { batch, layers } = workload;
    const work = async () =>
      (await session.run({ x: new ort.Tensor('float32', inputs, [batch, layers[0]]) })).y.data;
    return { work, outcome: async () => Array.from((await work()).subarray(0, layers.at(-1))) };
  },
};
