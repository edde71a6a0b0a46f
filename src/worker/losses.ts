import { BCELoss, BCEWithLogitsLoss } from '../losses/binaryCrossEntropy.js';
import { CrossEntropyLoss, NLLLoss } from '../losses/crossEntropy.js';
import { HingeEmbeddingLoss, HingeLoss } from '../losses/hinge.js';
import { KLDivLoss } from '../losses/klDiv.js';
import { HuberLoss, L1Loss, SmoothL1Loss } from '../losses/l1.js';
import type { Loss } from '../losses/loss.js';
import { MSELoss } from '../losses/mse.js';
import { Table } from './table.js';

/** Losses of predictions and targets: those that fit() can train with. */
export const LOSSES = new Table<Loss>({
  BCELoss: { of: BCELoss, options: ['reduction'] },
  BCEWithLogitsLoss: { of: BCEWithLogitsLoss, options: ['reduction', 'posWeight'] },
  CrossEntropyLoss: {
    of: CrossEntropyLoss,
    options: ['reduction', 'weight', 'ignoreIndex', 'labelSmoothing'],
  },
  HingeEmbeddingLoss: { of: HingeEmbeddingLoss, options: ['reduction', 'margin'] },
  HingeLoss: { of: HingeLoss, options: ['reduction', 'margin'] },
  HuberLoss: { of: HuberLoss, options: ['reduction', 'delta'] },
  KLDivLoss: {
    of: KLDivLoss,
    options: ({ reduction, perRow, logTarget }) => ({
      reduction: perRow === true ? 'batchmean' : reduction,
      logTarget,
    }),
  },
  L1Loss: { of: L1Loss, options: ['reduction'] },
  MSELoss: { of: MSELoss, options: ['reduction'] },
  NLLLoss: { of: NLLLoss, options: ['reduction', 'weight', 'ignoreIndex'] },
  SmoothL1Loss: { of: SmoothL1Loss, options: ['reduction', 'beta'] },
});
