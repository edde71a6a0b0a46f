import { show } from './shown.js';

/** Stands for the folder of a model that is not known yet. */
const SOME_FOLDER = new URL('https://model.invalid/folder/');

/**
 * The addresses of the files that a model names, all of them inside its folder. What counts is the address that a name
 * resolves to: `%2e%2e/x`, `.\t./x` and `//host/x` lead out of the folder, however they are written.
 *
 * @throws RangeError if a file is outside the folder, or named twice
 */
export function addressesIn(
  operation: string,
  names: readonly unknown[],
  folder = SOME_FOLDER,
  resolve = (name: string): URL => new URL(name, folder),
): URL[] {
  const seen = new Set<string>();
  return names.map((name) => {
    const address = typeof name === 'string' ? resolved(name, resolve) : undefined;
    if (!address || !isInside(address, folder)) {
      throw new RangeError(
        `${operation}: expected the path of a file in the folder of the model, got ${show(name)}`,
      );
    }
    // Each time it would be read once more.
    if (seen.has(address.href)) throw new RangeError(`${operation}: the file ${show(name)} is named twice`);
    seen.add(address.href);
    return address;
  });
}

/** No file system takes longer paths, and decoding takes the square of it at worst. */
const MOST_OF_NAME = 4096;

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

function resolved(name: string, resolve: (name: string) => URL): URL | undefined {
  try {
    // URLs leave them out, and paths do not.
    return name.length > MOST_OF_NAME || CONTROL.test(name) ? undefined : resolve(name);
  } catch {
    return undefined;
  }
}

/** Whether an address is that of something in a folder, for whoever may decode it once more. */
export function isInside(address: URL, folder: URL): boolean {
  const same = (['protocol', 'username', 'password', 'host'] as const).every(
    (part) => address[part] === folder[part],
  );
  if (!same || address.search || address.hash || !address.pathname.startsWith(folder.pathname)) return false;
  const rest = decoded(address.pathname.slice(folder.pathname.length));
  // The separators of Windows; names of dots and spaces, which Windows takes for `.` or `..`; `..;`, which some servers do.
  return rest !== undefined && !CONTROL.test(rest) && !/[\\:]|(^|\/)[. ]*([/;]|$)/.test(rest);
}

/** A path as it is after any number of decodings; undefined if it is no text. */
function decoded(path: string): string | undefined {
  let [before, text] = ['', path];
  while (text !== before) {
    before = text;
    text = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  }
  try {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    // Dots and slashes of other scripts become those of ASCII in some file systems.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).normalize('NFKC');
  } catch {
    return undefined;
  }
}
