// Runs before each test file of the projects `strict` and `relaxed`.
import { configure, type BuildName } from 'wasmgrad';

configure({ build: process.env.BUILD as BuildName });
