/** A core build, packed, and what unpacks it: base64, put there by the bundler plugin. */
declare module 'wasm:*' {
  const base64: string;
  export default base64;
}

/** A core build as the hosts of edge functions load it: compiled. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
declare module '*.wasm?module' {
  const module: WebAssembly.Module;
  export default module;
}
