/** What the modules behind `#files` export. */
export interface FilesModule {
  /** @throws Error if the file cannot be read, or this host has no files */
  readFile(path: string | URL): Promise<Uint8Array>;
  /**
   * Replaces a regular file as a whole: at any moment, also after a crash of the process or the machine, readers see the old
   * file or the new one. Mode and owner stay, links are followed. Devices and pipes are written into.
   *
   * @throws Error if the file cannot be written, or this host has no files
   */
  writeFile(path: string | URL, bytes: Uint8Array): Promise<void>;
  /** The address of a path; of `name` beside that path, if it is given. */
  addressOf(path: string, name?: string): URL;
  /** The address that remains after every link is followed. @throws Error if there is nothing */
  realAddress(address: URL): Promise<URL>;
}
