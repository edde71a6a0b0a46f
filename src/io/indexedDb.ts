import { show } from './shown.js';
import type { ByteStore } from './storage.js';

const STORE = 'files';

/** The result of a request. */
function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error as Error));
  });
}

/** Does something in a transaction, and waits until it is on the disk. */
async function transact<T>(
  database: string,
  mode: IDBTransactionMode,
  run: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  if (typeof indexedDB === 'undefined') {
    throw new Error(
      'indexedDb: this host has no IndexedDB; pass the path of a file, or a ByteStore of your own',
    );
  }
  const opening = indexedDB.open(database, 1);
  opening.addEventListener('upgradeneeded', () => void opening.result.createObjectStore(STORE));
  const opened = await resultOf(opening);
  try {
    const transaction = opened.transaction(STORE, mode, { durability: 'strict' });
    const request = run(transaction.objectStore(STORE));
    const done = new Promise<void>((resolve, reject) => {
      transaction.addEventListener('complete', () => resolve());
      transaction.addEventListener('abort', () => reject(transaction.error as Error));
    });
    const [result] = await Promise.all([resultOf(request), done]);
    return result;
  } finally {
    opened.close();
  }
}

/**
 * A place in a browser's IndexedDB, by its key. A write is one transaction: after a crash the old bytes are there, or the new.
 *
 * @param database name of the database, which holds nothing else
 */
export function indexedDb(key: string, database = 'wasmgrad'): ByteStore {
  for (const name of [key, database] as unknown[]) {
    if (typeof name !== 'string') throw new TypeError(`indexedDb: expected a text, got ${show(name)}`);
  }
  return {
    async read() {
      const bytes: unknown = await transact(database, 'readonly', (store) => store.get(key));
      if (bytes instanceof Uint8Array) return bytes;
      throw new Error(`indexedDb: nothing is stored under '${key}' in the database '${database}'`);
    },
    async write(bytes) {
      await transact(database, 'readwrite', (store) => store.put(bytes, key));
    },
  };
}
