import { show } from './shown.js';
import { readBytes, writeBytes, type ByteStore } from './storage.js';

/** @throws Error where the host has none */
function storage(): StorageManager {
  const { navigator } = globalThis as { navigator?: Partial<Navigator> };
  if (navigator?.storage) return navigator.storage;
  throw new Error(
    'opfs: this host has no such file system; pass the path of a file, or a ByteStore of your own',
  );
}

/** The file of a path such as `runs/first.safetensors`. */
async function handleOf(from: StorageManager, path: string, create: boolean): Promise<FileSystemFileHandle> {
  const folders = path.split('/');
  const name = folders.pop()!;
  let folder = await from.getDirectory();
  for (const one of folders) folder = await folder.getDirectoryHandle(one, { create });
  return folder.getFileHandle(name, { create });
}

/**
 * A file in a browser's origin private file system, by its path. A write goes to a copy, which takes the file's place when it is
 * complete.
 */
export function opfs(path: string): ByteStore {
  const given: unknown = path;
  if (typeof given !== 'string') throw new TypeError(`opfs: expected a path, got ${show(given)}`);
  return {
    async read() {
      const from = storage();
      let handle: FileSystemFileHandle;
      try {
        handle = await handleOf(from, path, false);
      } catch (cause) {
        throw new Error(`opfs: there is no file '${path}'`, { cause });
      }
      return readBytes('opfs', handle);
    },
    async write(bytes) {
      await writeBytes('opfs', await handleOf(storage(), path, true), bytes);
    },
  };
}
