import { describe, expect, it } from 'vitest';
import { capture, nn, tensor, type Tensor } from 'wasmgrad';

/** A layer that reads its mode by itself. */
class Doubling extends nn.Module {
  override forward(x: Tensor): Tensor {
    return this.training ? x.mul(2) : x;
  }
}

const x = (): Tensor => tensor([[1, 2, 3, 4], [2, 3, 5, 7]]); // prettier-ignore

describe('a captured forward pass sees train() and eval()', () => {
  it.each<[string, () => nn.Module]>([
    ['a class of one’s own', () => new Doubling()],
    ['inside Sequential', () => new nn.Sequential(new Doubling(), new nn.ReLU())],
    ['AlphaDropout', () => new nn.AlphaDropout(0.5)],
    ['Dropout', () => new nn.Dropout(0.5)],
    ['BatchNorm1d', () => new nn.BatchNorm1d(4)],
  ])('%s', (_, make) => {
    const model = make();
    const run = capture((input: Tensor) => model.forward(input));
    for (let i = 0; i < 3; i++) expect(run(x()).toArray()).not.toEqual(x().toArray());
    for (let round = 0; round < 2; round++) {
      model.eval();
      const expected = model.forward(x()).toArray();
      for (let i = 0; i < 3; i++) expect(run(x()).toArray()).toEqual(expected);
      model.train();
      for (let i = 0; i < 3; i++) expect(run(x()).toArray()).not.toEqual(expected);
    }
  });

  it('and a mode that is set by hand', () => {
    const model = new Doubling();
    const run = capture((input: Tensor) => model.forward(input));
    run(tensor([1]));
    expect(run(tensor([1])).toArray()).toEqual([2]);
    model.training = false;
    expect(run(tensor([1])).toArray()).toEqual([1]);
  });

  it('and replays where the mode stays, or is set to what it was', () => {
    const model = new Doubling();
    let runs = 0;
    const run = capture((input: Tensor) => {
      runs++;
      return model.forward(input);
    });
    for (let i = 0; i < 3; i++) {
      run(tensor([1]));
      model.train();
      model.eval();
      model.train();
    }
    expect(runs).toBe(1);
  });
});
