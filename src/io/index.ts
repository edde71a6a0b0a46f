export { exportModule, type ExportedModule } from './exportModule.js';
export { exportWasm, type ExportOptions } from './exportWasm.js';
export { quantize, type QuantizedModel } from './quantize.js';
