/** What the modules behind `#infer` export: the core for inference, inside the JavaScript, or as the host compiled it. */
export interface InferModule {
  compiled(): WebAssembly.Module;
}

/** The same behind `#inferSmall`, where a few bytes less count more than that it is there at once. */
export interface InferSmallModule {
  compiled(): WebAssembly.Module | Promise<WebAssembly.Module>;
}
