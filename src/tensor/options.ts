/** For `infer`, which looks no deeper than into this room. */
export { checkOptions } from '../core/options.js';
