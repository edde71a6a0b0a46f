export { scratchBytes } from './gemm/gemm';
export { run } from './program';
export { runSteps } from './steps';
