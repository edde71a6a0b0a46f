/** What the modules behind `#infer` export: the core for inference, inside the JavaScript, or as the host compiled it. */
export interface InferModule {
  compiled(): WebAssembly.Module;
}
