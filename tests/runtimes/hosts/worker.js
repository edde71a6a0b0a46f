import { runHere } from './runHere.js';

await runHere();
