import { it } from 'vitest';
import setUp from './app.js';
it('x', async () => { await setUp();
});
