import { show } from '../shown.js';

/** An object of a JSON file, of which nothing is known yet. */
export type Json = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fail(problem: string): never {
  throw new RangeError(`loadLayersModel: ${problem}`);
}

/** One layer of a topology. */
export interface KerasLayer {
  readonly type: string;
  readonly name: string;
  readonly config: Json;
}

/** Reads options of a layer, each of the kind that it has to be. */
export class Options {
  constructor(readonly layer: KerasLayer) {}

  get title(): string {
    return `layer ${show(this.layer.name)} (${this.layer.type})`;
  }

  number(name: string, absent: number): number {
    const value = this.layer.config[name] ?? absent;
    return typeof value === 'number'
      ? value
      : this.fail(`expected ${name} to be a number, got ${show(value)}`);
  }

  flag(name: string, absent: boolean): boolean {
    const value = this.layer.config[name] ?? absent;
    return typeof value === 'boolean'
      ? value
      : this.fail(`expected ${name} to be true or false, got ${show(value)}`);
  }

  /** Refuses another axis than the last of `rank` dimensions, the batch among them. */
  lastAxis(rank: number | undefined): void {
    const given = this.layer.config.axis ?? -1;
    const axis: unknown = Array.isArray(given) && given.length === 1 ? given[0] : given;
    if (axis !== -1 && axis !== (rank ?? 2) - 1) this.fail(`expected the last axis, got ${show(axis)}`);
  }

  fail(problem: string): never {
    return fail(`${this.title}: ${problem}`);
  }
}
