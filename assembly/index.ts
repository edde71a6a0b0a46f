export { gemmScratchBytes } from './gemm/gemm';
export { run } from './program';
