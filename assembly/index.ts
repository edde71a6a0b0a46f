export { scratchBytes } from './gemm/gemm';
export { run } from './program';
