/** Browsers and edge functions have no files with paths. @throws always */
export async function readFile(path: string | URL): Promise<never> {
  throw new Error(
    `this host cannot read the path '${String(path)}'; pass fetch(url), a Blob, bytes, opfs(path) or indexedDb(key)`,
  );
}

/** @throws always */
export async function writeFile(path: string | URL): Promise<never> {
  throw new Error(
    `this host cannot write the path '${String(path)}'; pass opfs(path), indexedDb(key) or a stream`,
  );
}

/** @throws always */
export function addressOf(path: string): never {
  throw new Error(`this host has no file '${path}'`);
}

/** @throws always */
export async function realAddress(address: URL): Promise<never> {
  return addressOf(address.href);
}
