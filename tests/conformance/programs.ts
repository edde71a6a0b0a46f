// What tests/runtimes/suiteFile.ts makes of the README: a function for each of its programs.
import { README } from 'readme:programs';
import type { Case } from './suite.js';

export const programs: Record<string, Case> = README;
