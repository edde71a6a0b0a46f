import type { Numbers } from './suite.js';

/** SHA-256 of the bytes of these numbers, in hexadecimal. */
export async function hashOf(numbers: readonly Numbers[]): Promise<string> {
  const bytes = new Uint8Array(numbers.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of numbers) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
