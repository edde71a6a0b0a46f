import { ownPort } from './portWeb.js';
import { serve } from './serve.js';

// The file of a Web Worker that is told in messages what to train.
serve(ownPort());
