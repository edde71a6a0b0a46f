/** What the modules behind `#files` export. */
export interface FilesModule {
  /** @throws Error where the file cannot be read, or this host has no files */
  readFile(path: string | URL): Promise<Uint8Array>;
  /**
   * Replaces the file as a whole: whoever reads it, and whenever the process or the machine stops, it is the old one or
   * the new one.
   *
   * @throws Error where the file cannot be written, or this host has no files
   */
  writeFile(path: string | URL, bytes: Uint8Array): Promise<void>;
}
