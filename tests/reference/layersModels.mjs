// LayersModels as TensorFlow.js writes them, with rows and what it predicts:
//
//   npm install --prefix bench && node tests/reference/layersModels.mjs > tests/reference/layersModels.json
//
// and one as tensorflowjs_converter writes it of a Keras model, put together from what TensorFlow.js wrote: the topology under
// model_config, names of weights within that of the model, two files of weights, numbers of 8 and 16 bits.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../bench/package.json', import.meta.url));
const tf = require('@tensorflow/tfjs');
await tf.setBackend('cpu');

const cases = {};
let seed = 2026;
/** Numbers in [−1, 1), the same in every run. */
function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
}

function randomize(model) {
  model.setWeights(
    model.weights.map((weight) => {
      const size = weight.shape.reduce((a, b) => a * b, 1);
      const positive = weight.name.includes('variance') ? 1.5 : 0;
      const spread = weight.shape.length === 2 ? 1 / Math.sqrt(weight.shape[0]) : 0.9;
      return tf.tensor(
        Float32Array.from({ length: size }, () => random() * spread + positive),
        weight.shape,
      );
    }),
  );
}

const base64 = (bytes) => Buffer.from(bytes).toString('base64');

async function add(name, model, rows) {
  let saved;
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const json = {
    modelTopology: saved.modelTopology,
    format: saved.format,
    generatedBy: saved.generatedBy,
    convertedBy: saved.convertedBy,
    weightsManifest: [{ paths: ['./weights.bin'], weights: saved.weightSpecs }],
  };
  const output = model.predict(rows);
  cases[name] = {
    json,
    weights: [base64(saved.weightData)],
    rows: { shape: rows.shape, data: [...rows.dataSync()] },
    output: { shape: output.shape, data: [...output.dataSync()] },
  };
  return saved;
}

const { layers } = tf;
const rowsOf = (...shape) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() * 2),
    shape,
  );

const plain = tf.sequential({
  layers: [
    layers.dense({ inputShape: [5], units: 8, activation: 'relu' }),
    layers.dropout({ rate: 0.2 }),
    layers.batchNormalization({ epsilon: 0.002, momentum: 0.9 }),
    layers.dense({ units: 6, useBias: false }),
    layers.batchNormalization({ center: false }),
    layers.activation({ activation: 'tanh' }),
    layers.dense({ units: 3, activation: 'softmax' }),
  ],
});
randomize(plain);
const saved = await add('a classifier', plain, rowsOf(6, 5));

const many = tf.sequential({
  layers: [
    layers.inputLayer({ inputShape: [7] }),
    ...['elu', 'selu', 'sigmoid', 'softplus', 'swish', 'relu6', 'gelu', 'mish', 'linear'].map((activation) =>
      layers.dense({ units: 7, activation }),
    ),
    layers.leakyReLU(),
    layers.leakyReLU({ alpha: 0.1 }),
    layers.elu(),
    layers.prelu(),
    layers.layerNormalization(),
    layers.reLU({ maxValue: 2 }),
    layers.alphaDropout({ rate: 0.1 }),
    layers.dense({ units: 4, activation: 'logSoftmax' }),
  ],
});
randomize(many);
await add('every layer', many, rowsOf(5, 7));

const pictures = tf.sequential({
  layers: [
    layers.flatten({ inputShape: [3, 4] }),
    layers.dense({ units: 4, activation: 'sigmoid' }),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ],
});
randomize(pictures);
await add('pictures', pictures, rowsOf(4, 3, 4));

const input = tf.input({ shape: [5] });
const hidden = layers.dense({ units: 6, activation: 'tanh' }).apply(input);
const inner = tf.sequential({ layers: [layers.dense({ inputShape: [6], units: 4 }), layers.leakyReLU()] });
const end = layers.dense({ units: 2 }).apply(inner.apply(hidden));
const functional = tf.model({ inputs: input, outputs: end });
randomize(functional);
await add('functional, with a model inside', functional, rowsOf(3, 5));

const words = tf.sequential({
  layers: [
    layers.embedding({ inputDim: 9, outputDim: 3, inputLength: 4 }),
    layers.flatten(),
    layers.dense({ units: 2 }),
  ],
});
randomize(words);
await add(
  'an embedding',
  words,
  tf.tensor2d(
    [
      [0, 1, 2, 3],
      [8, 8, 0, 4],
    ],
    [2, 4],
    'int32',
  ),
);

// What the converter makes of the first model. Its numbers are rounded, so TensorFlow.js reads them before it predicts.
const originals = Object.entries(tf.io.decodeWeights(saved.weightData, saved.weightSpecs));
const groups = [[], []];
const chunks = [[], []];
const dequantized = {};
originals.forEach(([name, tensor], i) => {
  const group = i % 2;
  const values = tensor.dataSync();
  const kind = ['uint8', 'uint16', 'float16', undefined][i % 4];
  const spec = { name: `model/${name}`, shape: tensor.shape, dtype: 'float32' };
  let bytes = new Uint8Array(values.slice().buffer);
  let again = values;
  if (kind === 'float16') {
    // Numbers that float16 holds: eighths.
    again = values.map((value) => Math.round(value * 8) / 8);
    const half = (value) => {
      if (value === 0) return 0;
      const exponent = Math.floor(Math.log2(Math.abs(value)));
      const fraction = Math.round((Math.abs(value) / 2 ** exponent - 1) * 1024);
      return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
    };
    bytes = new Uint8Array(Uint16Array.from(again, half).buffer);
    spec.quantization = { dtype: kind, original_dtype: 'float32' };
  } else if (kind) {
    const least = Math.min(...values);
    const steps = kind === 'uint8' ? 255 : 65535;
    const scale = (Math.max(...values) - least) / steps || 1;
    const Numbers = kind === 'uint8' ? Uint8Array : Uint16Array;
    const whole = Numbers.from(values, (value) => Math.round((value - least) / scale));
    again = Float32Array.from(whole, (value) => value * scale + least);
    bytes = new Uint8Array(whole.buffer);
    spec.quantization = { dtype: kind, scale, min: least, original_dtype: 'float32' };
  }
  groups[group].push(spec);
  chunks[group].push(Buffer.from(bytes));
  dequantized[name] = tf.tensor(again, tensor.shape);
});
plain.setWeights(plain.weights.map((weight) => dequantized[weight.name] ?? dequantized[weight.originalName]));
const rows = rowsOf(6, 5);
const output = plain.predict(rows);
const [first, second] = chunks.map((parts) => Buffer.concat(parts));
cases['as converted from Keras, quantized'] = {
  json: {
    format: 'layers-model',
    generatedBy: 'keras v2.15.0',
    convertedBy: 'TensorFlow.js Converter v4.22.0',
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: saved.modelTopology.model_config ?? {
        class_name: saved.modelTopology.class_name,
        config: saved.modelTopology.config,
      },
    },
    weightsManifest: [
      // The first group in two files, cut in the middle of a number.
      { paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'], weights: groups[0] },
      { paths: ['group2-shard1of1.bin'], weights: groups[1] },
    ],
  },
  weights: [first.subarray(0, 33), first.subarray(33), second].map(base64),
  rows: { shape: rows.shape, data: [...rows.dataSync()] },
  output: { shape: output.shape, data: [...output.dataSync()] },
};

console.log(JSON.stringify(cases, null, 1));
