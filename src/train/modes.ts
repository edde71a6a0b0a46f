import { modulesOf, outputOf, setOutput, type Module, type OutputKind } from '../nn/module.js';

/** The modes of a model's modules and the meaning of their outputs, to be put back. */
export class Modes {
  private readonly before: readonly (readonly [Module, training: boolean, OutputKind])[];

  constructor(private readonly model: Module) {
    this.before = modulesOf(model).map((module) => [module, module.training, outputOf(module)] as const);
  }

  /** Switches to training. A module in evaluation all of whose parameters are frozen stays as it is, with all inside it. */
  train(): void {
    const { model } = this;
    const still = modulesOf(model).filter((module) => !module.training && isFrozen(module));
    const kept = still
      .flatMap((module) => modulesOf(module))
      .map((module) => [module, module.training] as const);
    model.train();
    for (const [module, training] of kept) module.training = training;
  }

  /** Puts everything back. */
  restore(): void {
    for (const [module, training, output] of this.before) {
      module.training = training;
      setOutput(module, output);
    }
  }
}

function isFrozen(module: Module): boolean {
  const parameters = module.parameters();
  return parameters.length > 0 && parameters.every(({ requiresGrad }) => !requiresGrad);
}
