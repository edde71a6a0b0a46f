import { shown } from '../../core/shown.js';
import { checkOptions } from '../../core/options.js';
import type { EpochReport } from '../history.js';
import type { Callback, Training } from './callback.js';

export interface CSVLoggerOptions {
  /** Between the fields; a comma by default. */
  separator?: string;
}

/**
 * Writes a line of comma-separated values for each epoch, with a heading first: RFC 4180, with \n at the end of a line.
 * Training waits for the promise that the sink may return.
 *
 * @throws TypeError where `write` is no function, RangeError on a separator that cannot be one
 * @example
 * ```ts
 * import { callbacks, data, fit, nn, optim } from 'wasmgrad';
 * const lines: string[] = [];
 * const model = new nn.Linear(1, 1);
 * await fit(model, {
 *   data: new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]])),
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.SGD(model.parameters(), { lr: 0.05 }),
 *   epochs: 2,
 *   callbacks: [new callbacks.CSVLogger((line) => void lines.push(line))], // or line => file.write(line)
 * });
 * lines.length; // 3
 * lines[0]; // "epoch,loss,seconds\n"
 * ```
 */
export class CSVLogger implements Callback {
  private readonly separator: string;
  private columns: string[] | undefined;

  constructor(
    private readonly write: (line: string) => void | Promise<void>,
    options: CSVLoggerOptions = {},
  ) {
    checkOptions('CSVLogger', options, ['separator']);
    this.separator = options.separator ?? ',';
    if (typeof write !== 'function') throw new TypeError('CSVLogger: expected a function that writes a line');
    if (this.separator.length !== 1 || /["\r\n]/.test(this.separator)) {
      throw new RangeError(`CSVLogger: expected a separator of one character, got ${shown(this.separator)}`);
    }
  }

  onTrainBegin({ history }: Training): void {
    // A training that goes on writes no second heading.
    if (history.epochs.length === 0) this.columns = undefined;
    else this.columns ??= Object.keys(history.epochs[0]);
  }

  async onEpochEnd(report: EpochReport): Promise<void> {
    const figures = report as unknown as Record<string, number | undefined>;
    if (!this.columns) {
      this.columns = Object.keys(figures);
      await this.write(this.line(this.columns));
    }
    await this.write(this.line(this.columns.map((name) => String(figures[name] ?? ''))));
  }

  private line(fields: readonly string[]): string {
    const quoted = fields.map((field) =>
      field.includes(this.separator) || /["\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field,
    );
    return `${quoted.join(this.separator)}\n`;
  }
}
