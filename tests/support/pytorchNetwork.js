import { nn } from 'wasmgrad';

/** The network whose weights went to PyTorch and came from it: that of tests/reference/safetensors.py. */
export const pytorchNetwork = () =>
  new nn.Sequential(
    new nn.Linear(5, 8),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Linear(8, 6, { bias: false }),
    new nn.LayerNorm(6),
    new nn.GELU(),
    new nn.PReLU(6),
    new nn.Dropout(0.3),
    new nn.Linear(6, 3),
  );
