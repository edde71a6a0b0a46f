import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { nn } from 'wasmgrad';
import { load } from 'wasmgrad/infer';
import { exportModule, exportWasm, quantize } from 'wasmgrad/io';
import { sectionsOf } from '../../src/forward/sections.js';
import { architectures, filled } from '../support/architectures.js';
import { expectSamePredictions } from '../support/forward.js';

interface Exports {
  memory: WebAssembly.Memory;
  inFeatures(): number;
  outFeatures(): number;
  input(rows: number): number;
  run(rows: number): number;
  output(rows: number): number;
}

/** As docs/standalone.md says. */
function predictor(bytes: Uint8Array<ArrayBuffer>): (rows: Float32Array) => Float32Array {
  const exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Exports;
  const { memory, inFeatures, outFeatures, input, run, output } = exports;
  return (rows) => {
    const count = rows.length / inFeatures();
    new Float32Array(memory.buffer, input(count), rows.length).set(rows);
    expect(run(count)).toBe(0);
    return new Float32Array(memory.buffer, output(count), count * outFeatures()).slice();
  };
}

const importCode = async (code: string) =>
  (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as {
    predict(rows: unknown): unknown;
    inFeatures: number;
    outFeatures: number;
  };

const mlp = (): nn.Module =>
  filled(new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10)), 1);

describe('exportWasm', () => {
  it('predicts what random models do, to the bit of the strict build', () => {
    fc.assert(
      fc.property(
        architectures(),
        fc.constantFrom('raw' as const, 'softmax' as const),
        ({ make, rows }, output) => {
          const model = make();
          model.output = output;
          const input = Float32Array.from(rows.flat());
          const predicted = predictor(exportWasm(model, { inFeatures: rows[0].length }))(input);
          const nested = model.predict(rows) as number[][];
          const flat = Float32Array.from((nested as unknown as number[]).flat(Infinity));
          expectSamePredictions({ predict: () => flat } as unknown as nn.Module, predicted, input);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keeps numbers that JSON does not know', async () => {
    const model = filled(new nn.Sequential(new nn.Linear(2, 2), new nn.Hardtanh(-Infinity, 0.5)), 3);
    expectSamePredictions(model, (await load(exportWasm(model))).predict([1, 2]), [1, 2]);
  });

  it('imports nothing and exports what docs/standalone.md describes', () => {
    const module = new WebAssembly.Module(exportWasm(mlp()));
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    const names = WebAssembly.Module.exports(module).map(({ name, kind }) => `${name} ${kind}`);
    expect(names.toSorted()).toEqual(
      [
        'memory memory',
        ...['inFeatures', 'outFeatures', 'input', 'run', 'output'].map((n) => `${n} function`),
      ].toSorted(),
    );
    // Type, function, memory, export, code, data, custom: nothing starts.
    expect(sectionsOf('test', exportWasm(mlp())).map(({ id }) => id)).toEqual([1, 3, 5, 7, 10, 11, 0]);
  });

  it('adds at most 12 kB to the weights, of 64 layers too', () => {
    const deep = new nn.Sequential(
      new nn.Standardize(10),
      ...Array.from({ length: 6 }, () => [
        new nn.Linear(10, 10),
        new nn.BatchNorm1d(10),
        new nn.GELU(),
      ]).flat(),
      new nn.Linear(10, 1),
    );
    const repeated = (...layers: (() => nn.Module)[]): nn.Module =>
      new nn.Sequential(...Array.from({ length: 64 }, (_, i) => layers[i % layers.length]()));
    const [linear, norm] = [(): nn.Module => new nn.Linear(10, 10), (): nn.Module => new nn.LayerNorm(10)];
    const block = (): nn.Module =>
      new nn.Residual(new nn.Sequential(norm(), linear(), new nn.SiLU(), linear()));
    const models = [
      repeated(linear, () => new nn.ReLU()),
      repeated(linear, norm, () => new nn.GELU()),
      repeated(
        linear,
        () => new nn.BatchNorm1d(10),
        () => new nn.PReLU(10),
        () => new nn.Dropout(0.5),
      ),
      new nn.Sequential(...Array.from({ length: 11 }, block)),
      // Each of its layers another one.
      new nn.Sequential(
        ...Array.from({ length: 32 }, (_, i) => [
          new nn.Linear(130 - i, 129 - i),
          new nn.ELU(1 + i / 8),
        ]).flat(),
      ),
    ];
    for (const model of [mlp(), deep, new nn.Linear(1, 1), ...models]) {
      const weights = Object.values(model.stateDict()).reduce((sum, { size }) => sum + 4 * size, 0);
      expect(exportWasm(model).length - weights).toBeLessThanOrEqual(12_000);
    }
  });

  it('has no more rows than the memory that it makes for them', () => {
    const { input, memory } = new WebAssembly.Instance(
      new WebAssembly.Module(exportWasm(new nn.Linear(1000, 1))),
    ).exports as unknown as Exports;
    const before = memory.buffer.byteLength;
    expect(input(10_000)).toBeGreaterThan(0);
    expect(memory.buffer.byteLength).toBeGreaterThan(before + 4e7);
    // Four billion rows would be more than there are addresses.
    expect(input(-1)).toBe(0);
    expect(input(2 ** 30)).toBe(0);
  });

  it('stops at an index that is none', () => {
    const model = new nn.Sequential(new nn.Embedding(3, 2), new nn.Flatten(), new nn.Linear(2, 1));
    const { memory, input, run } = new WebAssembly.Instance(new WebAssembly.Module(exportWasm(model)))
      .exports as unknown as Exports;
    new Float32Array(memory.buffer, input(1), 1)[0] = 3;
    expect(run(1)).not.toBe(0);
  });

  const interpreter = spawnSync('spectest-interp', ['--version']).status === 0;
  it.runIf(interpreter)("runs in wabt's interpreter, which is not JavaScript", () => {
    const folder = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
    try {
      for (const model of [
        filled(
          new nn.Sequential(new nn.Linear(3, 9), new nn.Tanh(), new nn.LayerNorm(9), new nn.Linear(9, 2)),
          5,
        ),
        quantize(filled(new nn.Linear(3, 2), 6), [[1, -2, 3]]),
      ]) {
        const rows = Float32Array.of(1, -2, 0.5, 0.25, 3, -1);
        const bytes = exportWasm(model);
        const expected = predictor(bytes)(rows);
        const hex = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
        const bits = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0];
        const script = `
          (module $model binary "${hex}")
          (register "model" $model)
          (module $host
            (import "model" "memory" (memory 1))
            (import "model" "input" (func $input (param i32) (result i32)))
            (import "model" "output" (func $output (param i32) (result i32)))
            (func (export "put") (param i32 i32)
              (i32.store (i32.add (call $input (i32.const 2)) (i32.mul (local.get 0) (i32.const 4))) (local.get 1)))
            (func (export "get") (param i32) (result i32)
              (i32.load (i32.add (call $output (i32.const 2)) (i32.mul (local.get 0) (i32.const 4))))))
          (assert_return (invoke $model "inFeatures") (i32.const 3))
          (assert_return (invoke $model "outFeatures") (i32.const 2))
          ${[...rows].map((value, i) => `(assert_return (invoke $host "put" (i32.const ${i}) (i32.const ${bits(value)})))`).join('\n')}
          (assert_return (invoke $model "run" (i32.const 2)) (i32.const 0))
          ${[...expected].map((value, i) => `(assert_return (invoke $host "get" (i32.const ${i})) (i32.const ${bits(value)}))`).join('\n')}`;
        writeFileSync(join(folder, 'model.wast'), script);
        const made = spawnSync('wast2json', ['model.wast', '-o', 'model.json'], {
          cwd: folder,
          encoding: 'utf8',
        });
        expect(made.stderr).toBe('');
        const ran = spawnSync('spectest-interp', ['model.json'], { cwd: folder, encoding: 'utf8' });
        expect(ran.stdout).toMatch(/^(\d+)\/\1 tests passed/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says what it cannot export', () => {
    class Own extends nn.Module {
      override forward(): never {
        throw new Error('never');
      }
    }
    expect(() => exportWasm(new Own())).toThrow(TypeError);
    expect(() => exportWasm(new nn.ReLU())).toThrow('exportWasm: no layer says how many numbers a row has');
    expect(exportWasm(new nn.ReLU(), { inFeatures: 3 }).length).toBeGreaterThan(0);
    expect(() => exportWasm({} as nn.Module)).toThrow('exportWasm: expected a model');
  });
});

describe('exportModule', () => {
  it('predicts what random models do, to the bit of the strict build', async () => {
    const random = fc.asyncProperty(architectures({ without: ['Embedding'] }), async ({ make, rows }) => {
      const model = make();
      const { code } = exportModule(model, { inFeatures: rows[0].length });
      const { predict, inFeatures } = await importCode(code);
      expect(inFeatures).toBe(rows[0].length);
      expectSamePredictions(model, predict(rows), rows);
      expectSamePredictions(model, predict(rows[0]), rows[0]);
    });
    await fc.assert(random, { numRuns: 60 });
  });

  it('gives the same bits for rows in batches', async () => {
    const model = filled(new nn.Sequential(new nn.Linear(5, 300), new nn.Linear(300, 2)), 2);
    const { predict } = await importCode(exportModule(model).code);
    for (const count of [0, 1, 255, 257, 700]) {
      const rows = Float32Array.from({ length: count * 5 }, (_, i) => Math.sin(i));
      expectSamePredictions(model, predict(rows), rows);
    }
  });

  it('says what is wrong with rows', async () => {
    const { predict } = await importCode(exportModule(new nn.Linear(2, 1)).code);
    expect(() => predict([[1, 2], [3]])).toThrow('predict: expected rows of 2 numbers, row 1 has 1');
    expect(() => predict(new Float32Array(3))).toThrow(
      'predict: expected rows of 2 numbers, got 3 numbers in all',
    );
  });

  it('has types under which a program that uses it is right', () => {
    const { types } = exportModule(new nn.Linear(2, 1));
    const program = `import { predict, inFeatures } from './model.js';
      const a: number[][] = predict([[1, 2]]); const b: Float32Array = predict(new Float32Array(2)); const c: number = inFeatures;
      // @ts-expect-error
      predict('no'); export { a, b, c };`;
    const folder = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
    try {
      writeFileSync(join(folder, 'model.d.ts'), types);
      writeFileSync(join(folder, 'model.js'), '');
      writeFileSync(join(folder, 'program.ts'), program);
      const options: ts.CompilerOptions = {
        strict: true,
        noEmit: true,
        types: [],
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        target: ts.ScriptTarget.ES2022,
      };
      const problems = ts.getPreEmitDiagnostics(ts.createProgram([join(folder, 'program.ts')], options));
      expect(problems.map(({ messageText }) => messageText)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
