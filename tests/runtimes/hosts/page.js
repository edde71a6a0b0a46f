// Runs the suite in a page, or in a worker of it; the query has the options.
import { send } from './send.js';

const query = new URLSearchParams(location.search);
try {
  if (query.get('where') === 'worker') {
    const worker = new Worker(`./worker.js${location.search}`, { type: 'module' });
    // Firefox ends a worker that nobody holds when it collects garbage.
    Object.assign(globalThis, { worker });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      send({ error: event.message || 'the worker could not be loaded' });
    });
  } else {
    const { runHere } = await import('./runHere.js');
    await runHere();
  }
} catch (error) {
  await send({ error: String(error) });
}
