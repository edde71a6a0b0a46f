import { ownPort } from './portNode.js';
import { serve } from './serve.js';

// The file of a worker thread that is told in messages what to train.
serve(ownPort());
