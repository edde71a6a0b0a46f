export { inFeatures, input, outFeatures, output, run } from './forward/model';
