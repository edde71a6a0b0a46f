/** A core build as base64, put there by the bundler plugin. */
declare module 'wasm:*' {
  const base64: string;
  export default base64;
}
