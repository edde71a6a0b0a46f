// The one line to change in a page of your own: where the built file is.
export * from '../../dist/web/index.js';
