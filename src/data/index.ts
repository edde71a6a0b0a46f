export { DataLoader, type DataLoaderOptions } from './dataLoader.js';
export { TensorDataset, trainTestSplit, type Rows, type SplitOptions } from './dataset.js';
