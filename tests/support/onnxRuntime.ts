import * as ort from 'onnxruntime-web/wasm';

// Threads of its own would need workers, and nothing here is large.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

/** What ONNX Runtime makes of some rows. */
export async function runOnnx(
  file: Uint8Array,
  rows: Float32Array,
  shape: readonly number[],
): Promise<{ data: Float32Array; shape: readonly number[] }> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  try {
    const input = new ort.Tensor('float32', rows, shape);
    const { [session.outputNames[0]]: output } = await session.run({ [session.inputNames[0]]: input });
    return { data: output.data as Float32Array, shape: output.dims };
  } finally {
    await session.release();
  }
}
